"""A batch of histories as sets of items, inside a graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from trainer.item_lookup import PADDING


@dataclass(frozen=True)
class HistorySets:
    """Each query's items, every one once; padding and unknown items are marked.

    Attributes:
      rows: [B, H] int32 corpus rows in rising order; 0 where nothing counts.
      counts: [B, H] bool, whether the place counts.
      num_items: Size of the corpus.
    """

    rows: tf.Tensor
    counts: tf.Tensor
    num_items: int

    @property
    def num_queries(self) -> tf.Tensor:
        """int32 scalar B."""
        return tf.shape(self.rows)[0]

    @property
    def sizes(self) -> tf.Tensor:
        """[B] float32: items of each query."""
        return tf.reduce_sum(tf.cast(self.counts, tf.float32), axis=1)

    def pairs(self) -> tuple[tf.Tensor, tf.Tensor]:
        """[M] int32 corpus rows, and [M] int32 the queries that have them, in rising order."""
        queries = tf.cast(tf.where(self.counts)[:, 0], tf.int32)
        return tf.boolean_mask(self.rows, self.counts), queries

    def columns(self) -> tf.Tensor:
        """[N, B] float32: 1 where the query has the item."""
        rows, queries = self.pairs()
        ones = tf.ones_like(rows, tf.float32)
        return tf.scatter_nd(tf.stack([rows, queries], axis=1), ones, [self.num_items, self.num_queries])


def history_sets(history_rows: tf.Tensor, num_items: int) -> HistorySets:
    """Reads histories as sets.

    Args:
      history_rows: [B, H] int32 corpus rows in any order; -1 is padding, `num_items` an unknown item.
      num_items: Size of the corpus.
    """
    rows = tf.sort(history_rows, axis=1)
    before = tf.pad(rows, [[0, 0], [1, 0]], constant_values=PADDING)[:, :-1]
    counts = (rows > before) & (rows < num_items)  # nothing equals or undercuts padding
    return HistorySets(tf.where(counts, rows, 0), counts, num_items)


def padded_rows(histories: sp.csr_matrix) -> np.ndarray:
    """[B, H] int32 corpus rows of a [B, N] matrix, padded with -1; H is the longest history."""
    histories = histories.tocsr()
    lengths = np.diff(histories.indptr)
    rows = np.full([len(lengths), int(lengths.max(initial=0))], PADDING, np.int32)
    queries = np.repeat(np.arange(len(lengths)), lengths)
    rows[queries, np.arange(histories.nnz) - histories.indptr[queries]] = histories.indices
    return rows
