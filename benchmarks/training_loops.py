"""The trainings that are timed: ours, and the two-tower tutorial of TensorFlow Recommenders."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
import tf_keras

from pipeline.config.training import HistoryEncoderConfig, RetrievalConfig
from pipeline.splits import TRAIN
from schemas.features import ITEM_ID, USER_ID
from trainer.corpus import corpus_of
from trainer.distribution import Distribution
from trainer.input_fn import untuned
from trainer.item_lookup import ItemLookup
from trainer.moments import find_moments
from trainer.randomness import seed_everything
from trainer.retrieval import RetrievalModel
from trainer.settings import RetrievalSettings
from trainer.sizes import model_sizes
from trainer.split_index import SplitIndex
from trainer.streams import TransformedStream
from trainer.text_tower import build_text_tower
from trainer.train_retrieval import window_datasets

DEFAULT, PLAIN = "ours", "ours, ids alone"
TUTORIAL, NO_METRICS = "tutorial", "tutorial, no metrics"

_TUTORIAL_DIM = 32


@dataclass(frozen=True)
class Loop:
    """A training that can be timed.

    Attributes:
      run: Makes one pass.
      positives: Next events that a pass teaches.
      windows: Examples that it reads: of ours, each a history with many next events in it; elsewhere, each
        one positive.
    """

    run: Callable[[], None]
    positives: int
    windows: int

    def timed(self) -> tuple[float, float]:
        """Seconds of one pass, by the clock and of all processors."""
        since, used = time.monotonic(), time.process_time()
        self.run()
        return time.monotonic() - since, time.process_time() - used


def ours(
    streams: tuple[TransformedStream, TransformedStream],
    settings: RetrievalSettings,
    distribution: Distribution | None = None,
) -> Loop:
    """The retrieval training of the pipeline, a pass over the windows of the training split.

    Args:
      streams: Interactions and items.
      settings: Of the model; the text tower is frozen.
      distribution: Over what it is spread; by default one device.
    """
    interactions, items = streams
    distribution = distribution or Distribution()
    seed_everything(settings.seed)
    corpus = corpus_of(items, settings)
    lookup = ItemLookup(items.vocabulary_file(ITEM_ID), corpus.num_items)
    index = SplitIndex.read(interactions.files(TRAIN), lookup)
    train = window_datasets(interactions, index, lookup, settings, distribution)
    sizes = model_sizes(
        settings.feature_set, settings.features, interactions.transform_output, items.transform_output
    )
    with distribution.strategy.scope():
        tower, counts = build_text_tower(settings.text, settings.seed), index.item_counts(corpus.num_items)
        model = RetrievalModel(settings.retrieval, sizes, corpus, counts, tower, settings.text.cache_mb)
        model.make_variables(next(iter(train(settings.seed))))
        model.compile(optimizer=tf_keras.optimizers.Adam(settings.retrieval.learning_rate))
    distribution.prepare(model)
    model.freeze_texts()
    positives = windows = 0
    for batch in train(settings.seed):
        windows += len(batch[ITEM_ID])
        positives += len(find_moments(batch, corpus.num_items).target)

    def run() -> None:
        feed = distribution.feed(train(settings.seed))
        model.fit(feed.batches, steps_per_epoch=feed.steps, verbose=0)

    return Loop(run, positives, windows)


def ids_alone(config: RetrievalConfig) -> RetrievalConfig:
    """Our towers as near to the tutorial's as they come: ids, attributes, a history's mean; no text."""
    encoder = HistoryEncoderConfig(kind="mean")
    changes = {"reads_text": False, "history_encoder": encoder, "hidden_dims": ()}
    return config.model_copy(update={**changes, "embedding_dim": _TUTORIAL_DIM})


class _TwoTowers(tfrs.Model):
    """User id and item id, an embedding each."""

    def __init__(self, users: np.ndarray, items: np.ndarray, metrics: bool):
        super().__init__()
        self.user_model, self.item_model = _tower(users), _tower(items)
        candidates = tf.data.Dataset.from_tensor_slices(items).batch(128).map(self.item_model)
        top_k = tfrs.metrics.FactorizedTopK(candidates=candidates) if metrics else None
        self.task = tfrs.tasks.Retrieval(metrics=top_k)

    def compute_loss(self, features: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """In-batch softmax; the metrics are brought up to date in each step."""
        return self.task(self.user_model(features[USER_ID]), self.item_model(features[ITEM_ID]))


def _tower(ids: np.ndarray) -> tf_keras.Sequential:
    lookup = tf_keras.layers.StringLookup(vocabulary=ids, mask_token=None)
    return tf_keras.Sequential([lookup, tf_keras.layers.Embedding(len(ids) + 1, _TUTORIAL_DIM)])


def tutorial(ids: list[np.ndarray], pairs: dict[str, np.ndarray], batch_size: int, metrics: bool) -> Loop:
    """The basic retrieval tutorial of TensorFlow Recommenders: its towers, task, optimizer, cached batches.

    Args:
      ids: Distinct ids of users, and of items, as text.
      pairs: `user_id` and `item_id` of the positives.
      batch_size: Positives a step.
      metrics: Whether each step is judged by the top K of all items, as in the tutorial.
    """
    tf_keras.utils.set_random_seed(42)
    model = _TwoTowers(*ids, metrics)
    model.compile(optimizer=tf_keras.optimizers.Adagrad(learning_rate=0.1))
    dataset = tf.data.Dataset.from_tensor_slices(pairs).shuffle(
        100_000, seed=42, reshuffle_each_iteration=False
    )
    cached = untuned(dataset.batch(batch_size).cache())  # no waiting at the end of a pass, for both sides
    count = len(pairs[USER_ID])
    return Loop(lambda: model.fit(cached, verbose=0), count, count)


def training_pairs(interactions: TransformedStream, items: TransformedStream) -> dict[str, np.ndarray]:
    """Ids of user and item of each positive of the training split, as text."""
    vocabulary = items.transform_output.vocabulary_by_name(ITEM_ID)
    lookup = ItemLookup(items.vocabulary_file(ITEM_ID), len(vocabulary))
    index = SplitIndex.read(interactions.files(TRAIN), lookup)
    known = index.engaged & (index.rows < len(vocabulary))
    ids = np.array(vocabulary, dtype=object)
    return {USER_ID: index.users[known].astype(str).astype(object), ITEM_ID: ids[index.rows[known]]}
