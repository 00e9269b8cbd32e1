"""From item ids to rows of the corpus."""

from __future__ import annotations

import tensorflow as tf

PADDING = -1


class ItemLookup(tf.Module):
    """Maps item ids to corpus rows.

    The id of an item outside the corpus maps to the row after the last one; an empty string is
    padding and maps to -1.
    """

    def __init__(self, vocabulary_file: str, num_items: int):
        """Initializes the lookup.

        Args:
          vocabulary_file: Text file with one item id a line, in corpus order. It becomes an
            asset of a SavedModel.
          num_items: Number of its lines.
        """
        super().__init__(name="item_lookup")
        self.num_items = num_items
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                vocabulary_file,
                key_dtype=tf.string,
                key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
                value_dtype=tf.int64,
                value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            default_value=num_items,
        )

    def __call__(self, item_ids: tf.Tensor) -> tf.Tensor:
        """Looks ids up.

        Args:
          item_ids: Strings of any shape.

        Returns:
          int32 rows of the same shape.
        """
        rows = tf.cast(self._table.lookup(item_ids), tf.int32)
        return tf.where(tf.equal(item_ids, ""), PADDING, rows)
