"""Which items of the corpus have the categories that a request allows or denies."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf

from schemas.features import ITEM_ID

_NOT_A_FEATURE = ""


class CategoryFilter(tf.Module):
    """For each category, "feature=value", the corpus rows of the items that have it."""

    def __init__(self, categories: pa.Table, item_ids: np.ndarray):
        """Builds the lists.

        Args:
          categories: `item_id`, and a column of lists of strings for each feature.
          item_ids: [N] bytes, the corpus; what else the table has is not looked at.
        """
        super().__init__(name="category_filter")
        self._num_items = len(item_ids)
        features = [name for name in categories.column_names if name != ITEM_ID]
        # One more feature, which no item has, for what is no category of the corpus.
        self._num_features = len(features) + 1
        names, rows = category_pairs(categories, item_ids)
        distinct, category = np.unique(names.astype(str), return_inverse=True)
        counts = np.bincount(category, minlength=len(distinct) + 1)  # one more that no item has
        self._splits = tf.Variable(np.append(0, np.cumsum(counts)), dtype=tf.int64, trainable=False)
        by_category = rows[np.argsort(category, kind="stable")]
        self._rows = tf.Variable(by_category, dtype=tf.int32, trainable=False)
        self._categories = _lookup_table(distinct.tolist())
        self._features = _lookup_table(features)

    def allowed(self, allow: tf.Tensor, deny: tf.Tensor) -> tf.Tensor:
        """Which items pass.

        Args:
          allow: [B, A] categories; "" is padding. Of each feature that is named an item must have one of
            the values; a value that no item has matches nothing, nor does a feature that there is not.
          deny: [B, D] categories, of which an item must have none.

        Returns:
          [B, N] bool.
        """
        matched, named = self._matches(allow)
        denied, _ = self._matches(deny)
        passes = tf.reduce_all(matched | ~named[..., tf.newaxis], axis=1)
        return passes & ~tf.reduce_any(denied, axis=1)

    def _matches(self, asked: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[B, F, N] bool, items that have one of the asked values of a feature; [B, F], which are named."""
        features = self._features.lookup(tf.strings.regex_replace(asked, "(?s)=.*", _NOT_A_FEATURE))
        is_asked = tf.one_hot(features, self._num_features, True, False, dtype=tf.bool)
        named = tf.reduce_any(is_asked & tf.not_equal(asked, "")[..., tf.newaxis], axis=1)
        lists = tf.RaggedTensor.from_row_splits(self._rows, self._splits, validate=False)
        found = tf.gather(lists, self._categories.lookup(tf.reshape(asked, [-1])))
        owner = found.value_rowids()  # the asked category that each found row belongs to
        request = owner // tf.cast(tf.maximum(tf.shape(asked)[1], 1), tf.int64)
        feature = tf.gather(tf.reshape(features, [-1]), owner)
        places = tf.stack([request, feature, tf.cast(found.values, tf.int64)], axis=1)
        shape = tf.cast(tf.stack([tf.shape(asked)[0], self._num_features, self._num_items]), tf.int64)
        return tf.scatter_nd(places, tf.ones([tf.shape(places)[0]], tf.int32), shape) > 0, named


def category_pairs(categories: pa.Table, item_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which item has which category.

    Args:
      categories: `item_id`, and a column of lists of strings for each feature.
      item_ids: [N] bytes, the corpus.

    Returns:
      [P] strings, "feature=value", and [P] int32 corpus rows.
    """
    corpus = pa.array(list(item_ids), pa.binary()).cast(pa.string())
    items = pc.index_in(categories[ITEM_ID], corpus).combine_chunks()
    names, rows = [np.zeros(0, object)], [np.zeros(0, np.int32)]
    for feature in categories.column_names:
        if feature == ITEM_ID:
            continue
        lists = categories[feature].combine_chunks()
        row = items.take(pc.list_parent_indices(lists))
        of_corpus = row.is_valid()
        values = pc.list_flatten(lists).filter(of_corpus).to_pylist()
        names.append(np.array([f"{feature}={value}" for value in values], object))
        rows.append(row.filter(of_corpus).to_numpy().astype(np.int32))
    return np.concatenate(names), np.concatenate(rows)


def _lookup_table(names: list[str]) -> tf.lookup.StaticHashTable:
    """Names to their places; the place after the last for any other."""
    # A table must not be empty: the last entry says what the default says.
    initializer = tf.lookup.KeyValueTensorInitializer(
        tf.constant([*names, ""]), tf.range(len(names) + 1, dtype=tf.int64)
    )
    return tf.lookup.StaticHashTable(initializer, default_value=len(names))
