"""Items that enter a corpus after training, as the trained towers see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf

from schemas.features import ITEM_ID, TITLE, FeatureSet, Stream

ADDED_ITEMS_FILE = "added_items.parquet"  # in a version's folder: the canonical rows, for the next refresh

_BATCH = 256


@dataclass(frozen=True)
class AddedItems:
    """Items that training has not seen.

    Attributes:
      table: [M] canonical rows.
      embeddings: [M, embedding_dim + 1] float32 by the candidate tower; their popularity is the mean.
      text_embeddings: [M, hidden_dim] float32 by the text tower.
    """

    table: pa.Table
    embeddings: np.ndarray
    text_embeddings: np.ndarray

    def __len__(self) -> int:
        return self.table.num_rows

    @property
    def item_ids(self) -> np.ndarray:
        """[M] UTF-8 bytes."""
        return _as_bytes(self.table[ITEM_ID])

    @property
    def titles(self) -> np.ndarray:
        """[M] UTF-8 bytes."""
        return _as_bytes(self.table[TITLE])


def embed_added_items(table: pa.Table, features: FeatureSet, retrieval: Any) -> AddedItems:
    """Sends items through the towers.

    Args:
      table: [M] canonical rows; M is one at least.
      features: The declared features.
      retrieval: Loaded SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
    """
    from pipeline.components.parquet_example_gen import encode_examples

    names = [feature.name for feature in features.of(Stream.ITEMS)]
    examples = list(encode_examples(table.select(names)))
    embeddings, texts = [], []
    for start in range(0, len(examples), _BATCH):
        batch = tf.constant(examples[start : start + _BATCH])
        embeddings.append(retrieval.embed_items(batch).numpy())
        texts.append(retrieval.embed_texts(retrieval.item_texts(batch)).numpy())
    return AddedItems(table, np.concatenate(embeddings), np.concatenate(texts))


def added_items_file(version: Path) -> Path:
    """Where a version keeps the rows of its added items; there is no such file without any."""
    return version / ADDED_ITEMS_FILE


def _as_bytes(column: pa.ChunkedArray) -> np.ndarray:
    return np.array([text.encode() for text in column.to_pylist()], dtype=object)
