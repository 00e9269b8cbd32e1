"""What items say of themselves, as numbers side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from trainer.corpus import Corpus

_MIN_ITEMS = 2  # that share a value, or it tells nothing of others
_BLOCK = 4096


@dataclass(frozen=True)
class ItemContent:
    """The texts, vectors and attributes of a corpus.

    Attributes:
      dense: [N, D] float32, the texts' embeddings and the dense vectors, each of length one, or zeros.
      values: [N, V] which values of its attributes an item has, the values of each attribute of length one.
    """

    dense: np.ndarray
    values: sp.csr_matrix

    @property
    def width(self) -> int:
        """D + V + 1."""
        return self.dense.shape[1] + self.values.shape[1] + 1

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Some items at a time: which, and their [B, width] float64, the last of which is always 1."""
        for start in range(0, len(self.dense), _BLOCK):
            block = slice(start, start + _BLOCK)
            dense = self.dense[block]
            ones = np.ones([len(dense), 1])
            yield block, np.concatenate([dense, self.values[block].toarray(), ones], axis=1)


def item_content(corpus: Corpus, text_embeddings: np.ndarray, max_values: int) -> ItemContent:
    """Puts a corpus' content side by side.

    Args:
      corpus: The items.
      text_embeddings: [N, hidden_dim] of length one.
      max_values: Values of attributes that count; the most frequent ones.
    """
    dense, values = [text_embeddings], []
    for column in corpus.features.values():
        known = column[:-1]
        if np.issubdtype(known.dtype, np.integer):
            values.append(_one_hot(known.reshape(len(known), -1)))
        elif known.ndim == 2:  # a vector; of a number the bucket counts
            dense.append(known / np.maximum(np.linalg.norm(known, axis=1, keepdims=True), 1e-9))
    every = sp.hstack([sp.csr_matrix((corpus.num_items, 0)), *values], format="csc")
    return ItemContent(
        np.concatenate(dense, axis=1, dtype=np.float32), every[:, _frequent(every, max_values)].tocsr()
    )


def _one_hot(codes: np.ndarray) -> sp.csr_matrix:
    """[N, values] rows of length one, or zeros, from [N, places] codes that are -1 where there is none."""
    rows, places = np.nonzero(codes >= 0)
    columns = codes[rows, places]
    shape = (len(codes), int(codes.max(initial=-1)) + 1)
    held = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    held.data[:] = 1.0  # a value that is told twice counts once
    lengths = np.sqrt(np.maximum(held.getnnz(axis=1), 1))
    return sp.diags(1.0 / lengths) @ held


def _frequent(values: sp.csc_matrix, max_values: int) -> np.ndarray:
    """Columns that several items have, the most frequent ones, in order."""
    counts = values.getnnz(axis=0)
    best = np.argsort(-counts, kind="stable")[:max_values]
    return np.sort(best[counts[best] >= _MIN_ITEMS])
