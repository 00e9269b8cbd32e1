"""Which candidates a training step weighs its positives against."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

# An item that is all draws would be absent with a probability of nothing.
_HIGHEST_SHARE = 0.999


class Drawn(NamedTuple):
    """The candidates of a step, each once.

    Attributes:
      rows: [K] int32 corpus rows, rising; every target is among them.
      log_expected: [K] float32 logarithm of the probability that a step has the candidate; 0 for one that
        is sure to be there. Subtracted from the logits (Bengio and Senecal 2008; Yi et al. 2019), so
        that popular items, which are drawn more often, are not punished for it.
    """

    rows: tf.Tensor
    log_expected: tf.Tensor


class Sampler(Protocol):
    """Draws the candidates of a step."""

    def draw(self, targets: tf.Tensor, hard_rows: tf.Tensor, generator: tf.random.Generator) -> Drawn:
        """Draws.

        Args:
          targets: [M] int32 corpus rows, the positives.
          hard_rows: [H] int32 rows that the model takes for good ones, duplicates and all; only a
            `hard` sampler reads them.
          generator: Of what is drawn.
        """


class FullSampler:
    """The whole corpus that training knows: no approximation, at a cost that grows with it.

    An item that nobody engaged with is no candidate. It was nobody's choice because nobody could choose it;
    as a wrong answer in every step it would be taught that its text and attributes speak against it.
    """

    def __init__(self, item_counts: np.ndarray):
        """Initializes the sampler.

        Args:
          item_counts: [N] interactions of each item in the training split.
        """
        self._rows = np.flatnonzero(item_counts > 0).astype(np.int32)

    def draw(self, targets: tf.Tensor, hard_rows: tf.Tensor, generator: tf.random.Generator) -> Drawn:
        """See :class:`Sampler`."""
        # A target may be known from histories alone.
        rows = tf.sort(tf.unique(tf.concat([self._rows, targets], axis=0))[0])
        return Drawn(rows, tf.zeros(tf.shape(rows)))


class InBatchSampler:
    """The step's own targets; with `num_uniform`, items drawn evenly from the corpus beside them.

    In-batch negatives alone never meet items that nobody engaged with, and so teach nothing of them;
    mixed negatives do (Yang et al. 2020). With `hard`, the best rivals of the step's own queries are
    added, as if they had been sure to come.
    """

    def __init__(self, item_counts: np.ndarray, num_uniform: int = 0, hard: bool = False):
        """Initializes the sampler.

        Args:
          item_counts: [N] interactions of each item in the training split.
          num_uniform: Items drawn evenly, with replacement.
          hard: Whether `hard_rows` are added.
        """
        counts = np.maximum(item_counts, 1)
        self._log_absent = tf.constant(_log_absent(counts / counts.sum()), tf.float32)
        self._num_items = len(item_counts)
        self._num_uniform = num_uniform
        self._log_not_uniform = num_uniform * float(_log_absent(1.0 / self._num_items))
        self._hard = hard

    def draw(self, targets: tf.Tensor, hard_rows: tf.Tensor, generator: tf.random.Generator) -> Drawn:
        """See :class:`Sampler`."""
        uniform = generator.uniform([self._num_uniform], maxval=self._num_items, dtype=tf.int32)
        sure = hard_rows if self._hard else hard_rows[:0]
        rows = tf.sort(tf.unique(tf.concat([targets, uniform, sure], axis=0))[0])
        size = tf.cast(tf.size(targets), tf.float32)
        absent = size * tf.gather(self._log_absent, rows) + self._log_not_uniform
        log_expected = tf.math.log(-tf.math.expm1(tf.minimum(absent, -1e-7)))
        if self._hard:
            is_sure = tf.reduce_any(tf.equal(rows[:, tf.newaxis], tf.unique(sure)[0]), axis=1)
            log_expected = tf.where(is_sure, 0.0, log_expected)
        return Drawn(rows, log_expected)


def _log_absent(share: np.ndarray | float) -> np.ndarray:
    """Logarithm of the probability that a draw is not the item, of an item's share of the draws."""
    return np.log1p(-np.minimum(share, _HIGHEST_SHARE))


def build_sampler(kind: str, item_counts: np.ndarray, num_uniform: int) -> Sampler:
    """The sampler of a configuration's name for it; see :class:`RetrievalConfig`."""
    if kind == "full":
        return FullSampler(item_counts)
    if kind == "in_batch":
        return InBatchSampler(item_counts)
    return InBatchSampler(item_counts, num_uniform, hard=kind == "hard")
