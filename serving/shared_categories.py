"""Categories that an item has in common with what a user did."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import tensorflow as tf

from serving.category_filter import category_pairs

SHOWN = 2  # categories of an item


class SharedCategories(tf.Module):
    """The categories of the corpus' items, "feature=value", and how usual each is."""

    def __init__(self, categories: pa.Table, item_ids: np.ndarray):
        """Takes what :class:`serving.category_filter.CategoryFilter` takes."""
        super().__init__(name="shared_categories")
        names, rows = category_pairs(categories, item_ids)
        distinct, category = np.unique(names.astype(str), return_inverse=True)
        self._num_items = len(item_ids)
        self._num_categories = len(distinct)
        order = np.argsort(rows, kind="stable")
        counts = np.bincount(rows, minlength=len(item_ids) + 1)  # one more: an unknown item has none
        self._splits = tf.Variable(np.append(0, np.cumsum(counts)), dtype=tf.int64, trainable=False)
        self._categories = tf.Variable(category[order], dtype=tf.int64, trainable=False)
        # A table must not be empty.
        self._names = tf.Variable(np.append(distinct, "").astype(np.bytes_), trainable=False)
        usual = np.bincount(category, minlength=len(distinct)) / max(len(item_ids), 1)
        self._usual = tf.Variable(usual, dtype=tf.float32, trainable=False)

    def shared(self, rows: tf.Tensor, history: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The categories of items that a history has more often than the corpus.

        Args:
          rows: [B, W] int32 corpus rows.
          history: [B, S] int32 corpus rows; any number outside the corpus is padding.

        Returns:
          [B, W, SHOWN] categories, those first whose share is the farthest above the usual, "" where there
          are fewer; and the shares of the history's known events that have them, 0 there.
        """
        shares = self._shares(history)
        size = tf.shape(rows)
        of_items = tf.gather(self._lists(), tf.reshape(rows, [-1]))
        found = of_items.to_tensor(self._num_categories, shape=[None, None])
        found = tf.pad(found, [[0, 0], [0, SHOWN]], constant_values=self._num_categories)
        found = tf.reshape(found, tf.stack([size[0], size[1], tf.shape(found)[1]]))
        shares = tf.pad(shares, [[0, 0], [0, 1]])  # that of no category
        usual = tf.pad(self._usual, [[0, 1]])
        own = tf.gather(shares, found, batch_dims=1)
        best = tf.math.top_k(own - tf.gather(usual, found), SHOWN)
        is_shared = best.values > 0.0
        names = tf.gather(self._names, tf.gather(found, best.indices, batch_dims=2))
        weights = tf.gather(own, best.indices, batch_dims=2)
        return tf.where(is_shared, names, ""), tf.where(is_shared, weights, 0.0)

    def _shares(self, history: tf.Tensor) -> tf.Tensor:
        """[B, categories] float32: of the known events of a history, how many have each."""
        known = (history >= 0) & (history < self._num_items)
        owners = tf.where(known)[:, 0]
        found = tf.gather(self._lists(), tf.boolean_mask(history, known))
        places = tf.stack([tf.gather(owners, found.value_rowids()), found.values], axis=1)
        shape = tf.stack([tf.shape(history, tf.int64)[0], self._num_categories])
        counts = tf.scatter_nd(places, tf.ones([tf.shape(places)[0]]), shape)
        total = tf.reduce_sum(tf.cast(known, tf.float32), axis=1, keepdims=True)
        return tf.math.divide_no_nan(counts, total)

    def _lists(self) -> tf.RaggedTensor:
        return tf.RaggedTensor.from_row_splits(self._categories, self._splits, validate=False)
