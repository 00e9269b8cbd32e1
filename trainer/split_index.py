"""What the examples of some splits are, read once before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from schemas.features import ENGAGED, ITEM_ID, USER_ID
from trainer.item_lookup import ItemLookup

_CHUNK = 4096
_SPEC = {
    USER_ID: tf.io.FixedLenFeature([], tf.int64),
    ITEM_ID: tf.io.FixedLenFeature([], tf.string),
    ENGAGED: tf.io.FixedLenFeature([], tf.float32),
}


@dataclass(frozen=True)
class SplitIndex:
    """Examples in the order of their files; a user's are in the order of time.

    Attributes:
      users: [E] int64 vocabulary index of the user.
      rows: [E] int32 corpus row of the item; the last one and above for an item outside the corpus.
      engaged: [E] bool: false for what was only shown.
      counts: Examples of each file.
    """

    users: np.ndarray
    rows: np.ndarray
    engaged: np.ndarray
    counts: dict[str, int]

    @classmethod
    def read(cls, files: Sequence[str], lookup: ItemLookup) -> SplitIndex:
        """Reads it.

        Args:
          files: Gzipped TFRecord files of transformed examples, those of an earlier split first.
          lookup: Item ids to corpus rows.
        """
        users, rows, engaged, counts = [], [], [], {}
        for file in files:
            counts[file] = 0
            chunks = tf.data.TFRecordDataset(file, compression_type="GZIP").batch(_CHUNK)
            for chunk in chunks.map(lambda x: tf.io.parse_example(x, _SPEC)):
                users.append(chunk[USER_ID].numpy())
                rows.append(lookup(chunk[ITEM_ID]).numpy())
                engaged.append(chunk[ENGAGED].numpy() > 0)
                counts[file] += len(users[-1])
        return cls(_joined(users, np.int64), _joined(rows, np.int32), _joined(engaged, bool), counts)

    def item_counts(self, num_items: int) -> np.ndarray:
        """[num_items] int64: engaged interactions of each corpus row."""
        return np.bincount(self.rows[self.engaged], minlength=num_items + 1)[:num_items]


def _joined(parts: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
