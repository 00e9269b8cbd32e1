"""Trains and saves the retrieval model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.splits import EVAL
from schemas.features import ITEM_ID
from trainer.carried_weights import known_items, retrieval_weights
from trainer.checkpoints import Checkpoint
from trainer.corpus import Corpus, corpus_of
from trainer.distribution import Distribution
from trainer.fitting import Fitting, Monitor, Phase, fit
from trainer.input_fn import Kept, interactions_dataset
from trainer.item_lookup import ItemLookup
from trainer.randomness import seed_everything
from trainer.request import ItemTransform, QueryTransform
from trainer.retrieval import (
    NDCG,
    RefreshCorpusEmbeddings,
    RetrievalModel,
    validation_batch_size,
)
from trainer.retrieval_module import RetrievalModule
from trainer.selection import engaged_only, evenly_spaced
from trainer.settings import RetrievalSettings
from trainer.sizes import model_sizes
from trainer.split_index import SplitIndex
from trainer.streams import TransformedStream
from trainer.text_tower import build_text_tower
from trainer.warm_start import EarlierModel, save_weights, starting_from
from trainer.windows import Windows

_REPORT_FILE = "training.json"

# What says which epoch is the best, and which of two models.
MONITOR = Monitor(f"val_{NDCG}", highest=True)


def train_retrieval(
    interactions: TransformedStream,
    items: TransformedStream,
    settings: RetrievalSettings,
    model_dir: str | None,
    log_dir: str,
    checkpoint: Checkpoint | None = None,
    rehearsal_dir: str | None = None,
    earlier: EarlierModel | None = None,
    distribution: Distribution | None = None,
) -> dict[str, list[float]]:
    """Trains the two towers and saves them with their corpus.

    Only what users engaged with counts; what they were merely shown is no positive.

    Args:
      interactions: The interaction stream, splits `train` and `eval`.
      items: The item stream, split `corpus`.
      settings: Features and hyperparameters.
      model_dir: Where the SavedModel of a :class:`RetrievalModule` is written; `None` if only the history is
        of interest.
      log_dir: Where TensorBoard's logs are written.
      checkpoint: Where a training that is killed goes on from; removed at the end.
      rehearsal_dir: SavedModel of a training on fewer splits, whose best epoch is where this one ends. By
        default the eval split says where.
      earlier: The model that this one starts from; by default it starts anew.
      distribution: Over what the training is spread; by default one device.

    Returns:
      Keras' history: metric to its value after each epoch.
    """
    seed_everything(settings.seed)
    corpus = corpus_of(items, settings)
    lookup = ItemLookup(items.vocabulary_file(ITEM_ID), corpus.num_items)
    index = SplitIndex.read(_files(interactions, settings), lookup)
    distribution = distribution or Distribution()
    train = window_datasets(interactions, index, lookup, settings, distribution)
    with distribution.strategy.scope():
        model = _build_model(interactions, items, settings, corpus, index, earlier)
        if distribution.is_spread:
            model.make_variables(next(iter(train(settings.seed))))
    validation = _validation(interactions, lookup, settings, distribution)
    epochs = None if rehearsal_dir is None else _best_epoch(rehearsal_dir)
    log_dir = distribution.output(log_dir)
    warm_start = starting_from(earlier, lambda: retrieval_weights(model, settings), interactions, items)
    history = _fit(model, train, validation, settings, log_dir, checkpoint, epochs, warm_start, distribution)
    if model_dir is not None:
        model.refresh_corpus_embeddings()
        query = QueryTransform(interactions.transform_output, settings.feature_set, lookup)
        item = ItemTransform(items.transform_output, settings.feature_set)
        model_dir = distribution.output(model_dir)
        tf.saved_model.save(RetrievalModule(model, corpus, lookup, query, item), model_dir)
        last_counts = epochs is not None or settings.retrieval.patience is None
        _report_epochs(history[MONITOR.name], last_counts, model_dir)
        save_weights(retrieval_weights(model, settings), model_dir)
    if checkpoint is not None:
        checkpoint.remove()
    return history


def _build_model(
    interactions: TransformedStream,
    items: TransformedStream,
    settings: RetrievalSettings,
    corpus: Corpus,
    index: SplitIndex,
    earlier: EarlierModel | None,
) -> RetrievalModel:
    """The model before it has learnt anything."""
    transforms = interactions.transform_output, items.transform_output
    return RetrievalModel(
        settings.retrieval,
        model_sizes(settings.feature_set, settings.features, *transforms),
        corpus,
        index.item_counts(corpus.num_items),
        build_text_tower(settings.text, settings.seed),
        settings.text.cache_mb,
        None if earlier is None else known_items(earlier, items, settings.retrieval.embedding_dim),
    )


def _report_epochs(judged: list[float], last_counts: bool, model_dir: str) -> None:
    """Takes down how many epochs were best, for a training on more splits; see :func:`_best_epoch`."""
    best = {"best_epoch": len(judged) if last_counts else int(np.argmax(judged)) + 1}
    Path(model_dir, _REPORT_FILE).write_text(json.dumps(best), encoding="utf-8")


def _files(interactions: TransformedStream, settings: RetrievalSettings) -> list[str]:
    """The files that are learnt from, in the order of time."""
    return [file for split in settings.splits for file in interactions.files(split)]


def _best_epoch(rehearsal_dir: str) -> int:
    """Epochs that were best for a training that the eval split judged."""
    report = json.loads(Path(rehearsal_dir, _REPORT_FILE).read_text(encoding="utf-8"))
    return int(report["best_epoch"])


def window_datasets(
    interactions: TransformedStream,
    index: SplitIndex,
    lookup: ItemLookup,
    settings: RetrievalSettings,
    distribution: Distribution,
) -> Callable[[int], tf.data.Dataset]:
    """From the seed of a pass to its batches of examples of the training split."""
    config = settings.retrieval
    windows = Windows.of(index.users, index.engaged)

    def dataset(seed: int) -> tf.data.Dataset:
        chosen = windows.chosen(config.window_stride, seed)
        num_examples = int(chosen.sum())
        return interactions_dataset(
            _files(interactions, settings),
            interactions.transform_output,
            lookup,
            distribution.batch_size(config.batch_size, num_examples),  # no batch is a smaller one
            shuffle_seed=seed,
            kept=Kept(chosen, index.counts),
            shares=distribution.shares,
            num_examples=num_examples,
        )

    return dataset


def _validation(
    interactions: TransformedStream,
    lookup: ItemLookup,
    settings: RetrievalSettings,
    distribution: Distribution,
) -> tf.data.Dataset:
    """Batches of what users engaged with in the eval split."""

    def select(examples: tf.data.Dataset) -> tf.data.Dataset:
        if settings.layout.exposure_types:
            examples = engaged_only(examples)
        return evenly_spaced(examples, settings.retrieval.validation_examples)

    batch_size = validation_batch_size(lookup.num_items)
    files = interactions.files(EVAL)
    return interactions_dataset(
        files,
        interactions.transform_output,
        lookup,
        batch_size,
        select=select,
        shares=distribution.shares,
    ).cache()


def _fit(
    model: RetrievalModel,
    train: Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset,
    settings: RetrievalSettings,
    log_dir: str,
    checkpoint: Checkpoint | None,
    epochs: int | None,
    warm_start: Callable[[], None] | None,
    distribution: Distribution,
) -> dict[str, list[float]]:
    """Fits with the text tower, then without: for `epochs`, or until the validation NDCG stops rising."""
    config = settings.retrieval
    num_epochs = epochs or config.epochs
    with distribution.strategy.scope():
        optimizer = tf_keras.optimizers.Adam(config.learning_rate)
        model.compile(optimizer=optimizer)
    text_epochs = min(config.text_epochs if model.text_tower.trainable_variables else 0, num_epochs)
    fine_tuning = Phase(text_epochs, (optimizer, model.text_optimizer))
    rest = Phase(
        num_epochs,
        (optimizer,),
        restructure=model.text_tower.merge,
        begin=model.freeze_texts,
        patience=config.patience if epochs is None else None,
    )
    fitting = Fitting(
        train=train,
        validation=validation,
        phases=[phase for phase in (fine_tuning, rest) if phase.epochs],
        monitor=MONITOR,
        seed=settings.seed,
        log_dir=log_dir,
        callbacks=[RefreshCorpusEmbeddings()],
        warm_start=warm_start,
        distribution=distribution,
    )
    history = fit(model, fitting, checkpoint)
    model.text_tower.merge()  # if fine-tuning went on to the last epoch
    model.freeze_texts()
    return history
