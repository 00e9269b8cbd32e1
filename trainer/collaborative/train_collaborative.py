"""Fits the sources of collaborative filtering and saves them."""

from __future__ import annotations

import logging
import time

import tensorflow as tf

from pipeline.config.collaborative import (
    CollaborativeSource,
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
from trainer.collaborative.ease import Ease
from trainer.collaborative.ials import Ials
from trainer.collaborative.interaction_matrix import InteractionMatrix, load_interaction_matrix
from trainer.collaborative.item_neighbours import ItemNeighbours
from trainer.collaborative.popularity import Popularity
from trainer.collaborative.source import Source
from trainer.collaborative.user_neighbours import UserNeighbours
from trainer.item_lookup import ItemLookup
from trainer.settings import CollaborativeSettings
from trainer.streams import TransformedStream

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
      items: The item stream, for its vocabulary.
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
        sources.append(fit_source(config, matrix, settings.seed))
        seconds[config.source_name] = time.monotonic() - since
        _LOGGER.info("%s: fitted in %.1f s", config.source_name, seconds[config.source_name])
    tf.saved_model.save(CollaborativeModule(sources), model_dir)
    return seconds


def fit_source(config: CollaborativeSource, matrix: InteractionMatrix, seed: int) -> Source:
    """Fits one source.

    Args:
      config: Of the source.
      matrix: Who engaged with what.
      seed: Of every random draw.
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
