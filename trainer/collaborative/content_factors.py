"""Factors of collaborative filtering, told from what items say of themselves."""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.sparse as sp
import tensorflow as tf
from scipy.sparse.linalg import svds

from pipeline.config.collaborative import ContentFactorsConfig
from trainer.collaborative.history import HistorySets
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.item_content import ItemContent
from trainer.collaborative.source import Source

_USUAL_ITEMS = 10  # of a user; who has many counts a little more than who has few


class ContentFactors(Source):
    """Scores an item by its content alone, in the space that interactions span.

    The leading right singular vectors of who engaged with what (PureSVD; Cremonesi et al. 2010) are each
    item's factors. A ridge regression tells them from texts, vectors and attributes, as in Gantner et al.
    (2010), and so of items, too, that nobody has engaged with.

    Variables: `item_factors` [N, F] float32, zeros for an item that nobody engaged with;
    `told_factors` [N, F] float32, the regression's.
    """

    def __init__(
        self,
        interactions: InteractionMatrix,
        content: ItemContent,
        config: ContentFactorsConfig | None = None,
        name: str = "content_factors",
        seed: int = 0,
    ):
        """Factorizes, and learns to tell the factors.

        Args:
          interactions: Who engaged with what.
          content: What the same items say of themselves.
          config: Width and regularization; the defaults if left out.
          name: The source's.
          seed: Of the vector from which singular vectors are sought.
        """
        super().__init__(interactions.num_items, name)
        config = config or ContentFactorsConfig()
        factors = singular_factors(interactions.binary, config.factors, seed)
        engaged = interactions.binary.getnnz(axis=0) > 0
        self.item_factors = tf.Variable(factors.astype(np.float32), trainable=False)
        told = told_factors(content, factors, engaged, config.regularization)
        self.told_factors = tf.Variable(told.astype(np.float32), trainable=False)

    def scores_of_sets(self, histories: HistorySets) -> tf.Tensor:
        """[B, N] float32: products of the history's factors, summed, with those told of each item."""
        rows, queries = histories.pairs()
        history = tf.sparse.segment_sum(self.item_factors, rows, queries, num_segments=histories.num_queries)
        return tf.linalg.matmul(history, self.told_factors, transpose_b=True)


def singular_factors(binary: sp.csr_matrix, factors: int, seed: int) -> np.ndarray:
    """[N, F] leading right singular vectors, of a matrix whose rows are shortened by their length.

    Args:
      binary: [U, N].
      factors: F at most; fewer of a small matrix.
      seed: Of the vector from which they are sought.
    """
    weights = 1.0 / np.sqrt(binary.getnnz(axis=1) + _USUAL_ITEMS)
    weighted = sp.diags(weights) @ binary.astype(np.float64)
    rank = min(factors, min(binary.shape) - 1)
    if rank < 1:  # one user or one item spans one direction
        return np.asarray(weighted.sum(axis=0)).reshape(-1, 1)
    start = np.random.default_rng(seed).normal(size=min(binary.shape))
    return svds(weighted, rank, v0=start, return_singular_vectors="vh")[2].T


def told_factors(
    content: ItemContent, factors: np.ndarray, engaged: np.ndarray, regularization: float
) -> np.ndarray:
    """[N, F] by ridge regression of the factors on the content of items that somebody engaged with.

    Args:
      content: Of N items.
      factors: [N, F].
      engaged: [N] bool.
      regularization: Of the weights' squares; in items.
    """
    gram = regularization * np.eye(content.width)
    moments = np.zeros([content.width, factors.shape[1]])
    for block, rows in content.blocks():
        known = rows[engaged[block]]
        gram += known.T @ known
        moments += known.T @ factors[block][engaged[block]]
    weights = scipy.linalg.solve(gram, moments, assume_a="pos")
    return np.concatenate([rows @ weights for _, rows in content.blocks()])
