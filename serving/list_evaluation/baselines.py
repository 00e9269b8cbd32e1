"""What a recommender is to be better than."""

from __future__ import annotations

import numpy as np

from pipeline.config.collaborative import ItemKnnConfig
from serving.judged_interactions import JudgedInteractions
from serving.list_evaluation.best_rows import BestRows
from serving.list_evaluation.listers import LIST_LENGTH, Lister
from serving.list_evaluation.requests import RequestBlock
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.item_neighbours import ItemNeighbours


def baseline_listers(data: JudgedInteractions, num_requests: int, seed: int) -> dict[str, Lister]:
    """Popularity and item-kNN, made from what was learnt from and fed the same histories.

    Args:
      data: The interactions.
      num_requests: How many requests there will be.
      seed: Of the lots by which ties are ranked; see :class:`BestRows`.
    """
    best = BestRows(len(data.item_ids), num_requests, LIST_LENGTH, seed)
    counts = np.asarray(data.train_matrix.sum(axis=0)).ravel()
    popularity = np.unique(counts, return_inverse=True)[1]  # in float32, too, no two of them are alike
    # The plain algorithm, whatever sources a run has beside it.
    plain = ItemKnnConfig(similarity="cosine", shrinkage=0, neighbours=100)
    neighbours = ItemNeighbours(InteractionMatrix(data.train_matrix.astype(np.float32)), plain)

    def by_popularity(block: RequestBlock) -> np.ndarray:
        return best(np.broadcast_to(popularity, block.seen.shape), block.places, block.seen)

    def by_item_knn(block: RequestBlock) -> np.ndarray:
        return best(neighbours.scores_of_matrix(block.seen), block.places, block.seen)

    return {"popularity": by_popularity, "item_knn": by_item_knn}
