"""What the figures beyond accuracy need to know of the items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp


@dataclass(frozen=True)
class ItemTraits:
    """The corpus, as lists are judged by it.

    Attributes:
      counts: [N] int64, how often each item was engaged with in what was learnt from.
      directions: [N, D] float32, embeddings of length one, or of zeros.
      information: [N] float64 bits, how surprising each item is: -log2 of its share of the engagements. Each
        item is taken to have one more than it has, so that an unseen item's is finite (Laplace).
    """

    counts: np.ndarray
    directions: np.ndarray
    information: np.ndarray

    @classmethod
    def of(cls, counts: np.ndarray, embeddings: np.ndarray) -> ItemTraits:
        """Derives the traits.

        Args:
          counts: [N] engagements.
          embeddings: [N, D]; how long they are is of no account.
        """
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        directions = np.divide(embeddings, lengths, out=np.zeros_like(embeddings), where=lengths > 0)
        information = np.log2(counts.sum() + len(counts)) - np.log2(counts + 1.0)
        return cls(counts, directions, information)

    @property
    def num_items(self) -> int:
        """Size of the corpus."""
        return len(self.counts)

    def profile_information(self, seen: sp.csr_matrix) -> np.ndarray:
        """Mean information of what some users had engaged with, each item once.

        Args:
          seen: [B, N].

        Returns:
          [B] float64 bits; NaN for an empty history.
        """
        sizes = seen.getnnz(axis=1)
        sums = seen.astype(bool).astype(np.float64) @ self.information
        return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)
