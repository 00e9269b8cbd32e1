"""Item-based collaborative filtering: what goes with what one has."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp

NUM_NEIGHBOURS = 100


class ItemNeighbours:
    """Cosine similarity between items, each item's nearest neighbours kept (Sarwar et al. 2001)."""

    def __init__(self, user_items: sp.csr_matrix, num_neighbours: int = NUM_NEIGHBOURS):
        """Computes the similarities.

        Args:
          user_items: [U, N] interactions; what a user did several times counts once.
          num_neighbours: Neighbours kept of each item, itself left out.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # implicit's, about BLAS threads that it does not use here
            from implicit.nearest_neighbours import CosineRecommender

            binary = user_items.astype(bool).astype(np.float64).tocsr()
            model = CosineRecommender(K=num_neighbours + 1, num_threads=1)
            model.fit(binary, show_progress=False)
        self.similarity = _nearest_others(model.similarity, num_neighbours)

    def scores(self, histories: sp.csr_matrix) -> np.ndarray:
        """Scores every item for histories.

        Args:
          histories: [B, N], what was seen.

        Returns:
          [B, N] sum of the similarities to the items of the history.
        """
        return np.asarray((histories @ self.similarity.T).todense())


def _nearest_others(similarity: sp.csr_matrix, num_neighbours: int) -> sp.csr_matrix:
    """The nearest of each row, itself left out; among equals any."""
    pairs = similarity.tocoo()
    others = (pairs.row != pairs.col) & (pairs.data > 0)
    rows, columns, values = pairs.row[others], pairs.col[others], pairs.data[others]
    order = np.lexsort((-values, rows))
    rows, columns, values = rows[order], columns[order], values[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)  # within its row
    kept = place < num_neighbours
    return sp.csr_matrix((values[kept], (rows[kept], columns[kept])), shape=similarity.shape)
