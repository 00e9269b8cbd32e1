"""Fits the sources of collaborative filtering and saves them."""

from __future__ import annotations

import logging
import time

import tensorflow as tf

from pipeline.config.collaborative import (
    CollaborativeSource,
    ContentFactorsConfig,
    EaseConfig,
    IalsConfig,
    ItemKnnConfig,
    PopularityConfig,
    UserKnnConfig,
)
from pipeline.errors import InputError
from pipeline.progress import PROGRESS_LOGGER
from schemas.features import ITEM_ID
from trainer.collaborative.collaborative_module import CollaborativeModule
from trainer.collaborative.content_factors import ContentFactors
from trainer.collaborative.ease import Ease
from trainer.collaborative.ials import Ials
from trainer.collaborative.interaction_matrix import InteractionMatrix, load_interaction_matrix
from trainer.collaborative.item_content import ItemContent, item_content
from trainer.collaborative.item_neighbours import ItemNeighbours
from trainer.collaborative.popularity import Popularity
from trainer.collaborative.source import Source
from trainer.collaborative.user_neighbours import UserNeighbours
from trainer.corpus import corpus_of
from trainer.corpus_texts import CorpusTexts
from trainer.item_lookup import ItemLookup
from trainer.settings import CollaborativeSettings
from trainer.streams import TransformedStream
from trainer.text_tower import build_text_tower

_LOGGER = logging.getLogger(PROGRESS_LOGGER)


def train_collaborative(
    interactions: TransformedStream,
    items: TransformedStream,
    settings: CollaborativeSettings,
    model_dir: str,
) -> dict[str, float]:
    """Fits all configured sources and saves them.

    Args:
      interactions: The interaction stream.
      items: The item stream.
      settings: The sources.
      model_dir: Where the SavedModel of a :class:`CollaborativeModule` is written.

    Returns:
      Source name to the seconds that its fit took.

    Raises:
      InputError: There is nothing to learn from, or every source was left out.
    """
    num_items = items.transform_output.vocabulary_size_by_name(ITEM_ID)
    lookup = ItemLookup(items.vocabulary_file(ITEM_ID), num_items)
    matrix = load_interaction_matrix(interactions, lookup, settings.splits, settings.value_label)
    sources, seconds = [], {}
    for config in _fitting(settings, num_items):
        since = time.monotonic()
        content = None
        if isinstance(config, ContentFactorsConfig):
            content = load_item_content(items, settings, config.max_values)
        sources.append(fit_source(config, matrix, settings.seed, content))
        seconds[config.source_name] = time.monotonic() - since
        _LOGGER.info("%s: fitted in %.1f s", config.source_name, seconds[config.source_name])
    tf.saved_model.save(CollaborativeModule(sources), model_dir)
    return seconds


def load_item_content(
    items: TransformedStream, settings: CollaborativeSettings, max_values: int
) -> ItemContent:
    """What the corpus says of itself, its texts as the text tower reads them before any training.

    Args:
      items: The item stream.
      settings: The text tower, the features and the seed.
      max_values: See :func:`item_content`.
    """
    corpus = corpus_of(items, settings)
    tower = build_text_tower(settings.text, settings.seed)
    texts = CorpusTexts(tower, corpus.texts, settings.text.cache_mb).embed_all()
    return item_content(corpus, texts[:-1], max_values)


def fit_source(
    config: CollaborativeSource, matrix: InteractionMatrix, seed: int, content: ItemContent | None = None
) -> Source:
    """Fits one source.

    Args:
      config: Of the source.
      matrix: Who engaged with what.
      seed: Of every random draw.
      content: What the items say of themselves, for a source that reads it.
    """
    name = config.source_name
    if isinstance(config, ItemKnnConfig):
        return ItemNeighbours(matrix, config, name)
    if isinstance(config, UserKnnConfig):
        return UserNeighbours(matrix, config, name, seed)
    if isinstance(config, EaseConfig):
        return Ease(matrix, config, name)
    if isinstance(config, IalsConfig):
        return Ials(matrix, config, name, seed)
    if isinstance(config, ContentFactorsConfig):
        if content is None:
            raise ValueError(f"'{name}' reads what items say of themselves, which was not given")
        return ContentFactors(matrix, content, config, name, seed)
    if isinstance(config, PopularityConfig):
        return Popularity(matrix, name)
    raise ValueError(f"there is no source of kind '{config.kind}'")


def _fitting(settings: CollaborativeSettings, num_items: int) -> list[CollaborativeSource]:
    """The sources that the corpus allows."""
    fitting: list[CollaborativeSource] = []
    for config in settings.collaborative.sources:
        if isinstance(config, EaseConfig) and num_items > config.max_items:
            _LOGGER.warning(
                "%s is left out: the corpus has %s items, more than its max_items of %s",
                config.source_name,
                f"{num_items:,}",
                f"{config.max_items:,}",
            )
        else:
            fitting.append(config)
    if not fitting:
        raise InputError(
            f"no source of collaborative filtering fits a corpus of {num_items:,} items; add one of another "
            "kind to 'collaborative.sources', or raise 'max_items'"
        )
    return fitting
