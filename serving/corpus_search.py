"""Search of the corpus that leaves out what must not be found, and still finds enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from serving.index import NOT_FOUND, Index
from trainer.full_corpus import seen_items


class Found(NamedTuple):
    """What a search found, the best first.

    Attributes:
      scores: [B, W] float32.
      rows: [B, W] int32 corpus rows; anything where not valid.
      valid: [B, W] bool.
    """

    scores: tf.Tensor
    rows: tf.Tensor
    valid: tf.Tensor


class CorpusSearch(tf.Module):
    """An index over a corpus, asked for as many more as are known to be left out.

    Where categories are filtered, or the index found too few, every item of the corpus is scored instead, so
    that a request gets what it wants if the corpus has it.
    """

    def __init__(self, corpus: Any, index: Index):
        """Takes both.

        Args:
          corpus: Has `embeddings` [N + 1, dim] and `item_ids` [N].
          index: Over the first N embeddings.
        """
        super().__init__(name="corpus_search")
        self._embeddings = corpus.embeddings
        self._index = index
        self._num_items = int(corpus.item_ids.shape[0])

    def search(
        self,
        queries: tf.Tensor,
        blocked: tf.Tensor,
        wanted: tf.Tensor,
        is_filtered: tf.Tensor,
        allowed: Callable[[], tf.Tensor],
    ) -> Found:
        """Finds the best.

        Args:
          queries: [B, dim] float32.
          blocked: [B, X] int32 corpus rows that must not be found; any number outside the corpus is padding.
          wanted: [B] int32, at most N.
          is_filtered: [B] bool, whether there is more that must not be found.
          allowed: Gives [B, N] bool, what a request that is filtered may find.

        Returns:
          As many as the request that wants most; of each at most what it wants.
        """
        blocked = self._sorted(blocked)
        num_blocked = self._num_distinct(blocked)
        width = _most(wanted)
        scores, rows = self._index.search(queries, tf.minimum(_most(wanted + num_blocked), self._num_items))
        free = (rows != NOT_FOUND) & ~_is_among(rows, blocked)
        free &= tf.cumsum(tf.cast(free, tf.int32), axis=1) <= wanted[:, tf.newaxis]
        found = _closed_up(Found(scores, tf.maximum(rows, 0), free), width)
        left = tf.minimum(wanted, self._num_items - num_blocked)
        is_short = tf.math.count_nonzero(found.valid, axis=1, dtype=tf.int32) < left
        scored = is_filtered | is_short

        def with_exact() -> Found:
            passes = allowed() & ~seen_items(blocked, self._num_items)
            exact = self.best_of(self.exact_scores(queries), passes, wanted)
            chosen = scored[:, tf.newaxis]
            return Found(*(tf.where(chosen, a, b) for a, b in zip(exact, found, strict=True)))

        return tf.cond(tf.reduce_any(scored), with_exact, lambda: found)

    def exact_scores(self, queries: tf.Tensor) -> tf.Tensor:
        """[B, N] scores of all items."""
        return tf.matmul(queries, self._embeddings[:-1], transpose_b=True)

    @staticmethod
    def best_of(scores: tf.Tensor, passes: tf.Tensor, wanted: tf.Tensor) -> Found:
        """The best of all items, [B, N] scores, among those that pass, [B, N] bool."""
        best, rows = tf.math.top_k(tf.where(passes, scores, tf.float32.min), _most(wanted))
        is_wanted = tf.range(tf.shape(rows)[1])[tf.newaxis] < wanted[:, tf.newaxis]
        return Found(best, rows, tf.gather(passes, rows, batch_dims=1) & is_wanted)

    def _sorted(self, blocked: tf.Tensor) -> tf.Tensor:
        """[B, X + 1] in rising order, padded with N."""
        is_item = (blocked >= 0) & (blocked < self._num_items)
        rows = tf.where(is_item, blocked, self._num_items)
        return tf.sort(tf.pad(rows, [[0, 0], [0, 1]], constant_values=self._num_items), axis=1)

    def _num_distinct(self, blocked: tf.Tensor) -> tf.Tensor:
        """[B] int32 different items in sorted rows."""
        before = tf.pad(blocked[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
        is_new = (blocked != before) & (blocked < self._num_items)
        return tf.math.count_nonzero(is_new, axis=1, dtype=tf.int32)


def _most(counts: tf.Tensor) -> tf.Tensor:
    """The largest of [B] counts; 0 for a batch of nobody."""
    return tf.reduce_max(tf.concat([counts, [0]], axis=0))


def _is_among(rows: tf.Tensor, ordered: tf.Tensor) -> tf.Tensor:
    """[B, W] bool, whether rows are among others, [B, X] in rising order, the last higher than any row."""
    # `tf.searchsorted` reshapes what it is given, and so cannot have rows without columns.
    places = tf.raw_ops.LowerBound(sorted_inputs=ordered, values=rows)
    return tf.equal(tf.gather(ordered, places, batch_dims=1), rows)


def _closed_up(found: Found, width: tf.Tensor) -> Found:
    """The valid places first, in their order; [B, width]."""
    count = tf.shape(found.rows)[1]
    order = tf.where(found.valid, tf.range(count, 0, -1)[tf.newaxis], 0)
    places = tf.math.top_k(order, width).indices
    return Found(*(tf.gather(values, places, batch_dims=1) for values in found))
