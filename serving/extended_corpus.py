"""A trained corpus with items that training has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from serving.added_items import AddedItems
from trainer.graphs import graph_function
from trainer.item_lookup import ItemLookup


class ExtendedCorpus(tf.Module):
    """What a :class:`trainer.retrieval_module.CorpusModule` is, over N + M items.

    Functions:
      lookup_items: Item ids of any shape to int32 rows; an unknown id to N + M.

    Variables: `item_ids` and `titles` [N + M], `embeddings` [N + M + 1, dim]; the added items follow those
    that were trained, and the unknown item stays last.
    """

    def __init__(self, corpus: Any, added: AddedItems, work_dir: Path):
        """Adds items.

        Args:
          corpus: That of the loaded retrieval module, N items.
          added: M items, none of which it has.
          work_dir: Where the vocabulary is written; it becomes an asset of a SavedModel.
        """
        super().__init__(name="corpus")
        item_ids = np.append(corpus.item_ids.numpy(), added.item_ids)
        file = work_dir / "item_ids.txt"
        file.write_bytes(b"\n".join(item_ids) + b"\n")
        self.item_ids = fixed(item_ids)
        self.titles = fixed(np.append(corpus.titles.numpy(), added.titles))
        self.embeddings = fixed(before_the_last_row(corpus.embeddings.numpy(), added.embeddings))
        self._item_lookup = ItemLookup(str(file), len(item_ids))
        self.lookup_items = graph_function(
            self._item_lookup.__call__, input_signature=[tf.TensorSpec(None, tf.string, name="item_ids")]
        )


def before_the_last_row(table: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """[N + M + 1, ...] of [N + 1, ...] and [M, ...]: the last row, the unknown item's, stays the last."""
    return np.concatenate([table[:-1], rows.astype(table.dtype), table[-1:]])


def fixed(values: np.ndarray) -> tf.Variable:
    """A variable that is not trained, of numbers or of bytes."""
    if values.dtype == object:
        values = values.astype(np.bytes_)
    return tf.Variable(values, trainable=False)
