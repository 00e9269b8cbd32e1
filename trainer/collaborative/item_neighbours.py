"""Item-based collaborative filtering: what goes with what one has."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import tensorflow as tf

from pipeline.config.collaborative import ItemKnnConfig
from trainer.collaborative.history import HistorySets
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.item_similarity import item_similarity
from trainer.collaborative.source import Source
from trainer.collaborative.sparse_rows import SparseRows


class ItemNeighbours(Source):
    """Each item's nearest neighbours (Sarwar et al. 2001); a score is the sum over those in the history.

    Attributes:
      similarity: [N, N] float32, a row an item: how near its neighbours are to it.
    """

    def __init__(
        self, interactions: InteractionMatrix, config: ItemKnnConfig | None = None, name: str = "item_knn"
    ):
        """Computes the similarities.

        Args:
          interactions: Who engaged with what.
          config: Which similarity, and how many neighbours; the defaults if left out.
          name: The source's.
        """
        super().__init__(interactions.num_items, name)
        self.similarity = item_similarity(interactions, config or ItemKnnConfig())
        self._neighbours = SparseRows(self.similarity.T.tocsr())  # a row an item of the history

    def scores_of_sets(self, histories: HistorySets) -> tf.Tensor:
        """[B, N] float32: sums of the similarities to the items of the history."""
        return self._neighbours.sums(*histories.pairs(), histories.num_queries)

    def scores_of_matrix(self, histories: sp.csr_matrix) -> np.ndarray:
        """The same by SciPy, in which long histories cost little."""
        binary = histories.astype(bool).astype(np.float32)
        return np.asarray((binary @ self.similarity.T).todense())
