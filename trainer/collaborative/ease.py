"""A linear model from the history to every item."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import tensorflow as tf
from scipy.linalg import lapack

from pipeline.config.collaborative import EaseConfig
from trainer.collaborative.history import HistorySets
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.source import Source
from trainer.collaborative.sparse_rows import SparseRows

_BLOCK_CELLS = 1 << 24  # of a block of items with the whole corpus


class Ease(Source):
    """Embarrassingly shallow autoencoder (Steck 2019): ridge regression of each item on all others.

    Variables: `weights` [N, N] float32, a row an item of the history; with `kept`, sparse instead.
    """

    def __init__(self, interactions: InteractionMatrix, config: EaseConfig | None = None, name: str = "ease"):
        """Solves for the weights.

        Args:
          interactions: Who engaged with what.
          config: The regularization, and how many weights are kept; the defaults if left out.
          name: The source's.
        """
        super().__init__(interactions.num_items, name)
        config = config or EaseConfig()
        weights = ease_weights(interactions.binary, config.regularization)
        self._kept = config.kept
        if config.kept is None:
            self.weights = tf.Variable(weights, trainable=False)
        else:
            self.weights = SparseRows(_largest_of_columns(weights, config.kept), name="weights")

    def scores_of_sets(self, histories: HistorySets) -> tf.Tensor:
        """[B, N] float32: sums of the weights of the history's items; less than 0 speaks against."""
        rows, queries = histories.pairs()
        if self._kept is not None:
            return self.weights.sums(rows, queries, histories.num_queries)
        return tf.sparse.segment_sum(self.weights, rows, queries, num_segments=histories.num_queries)


def ease_weights(binary: sp.csr_matrix, regularization: float) -> np.ndarray:
    """[N, N] float32 weights from the items of a row to those of a column; zeros on the diagonal.

    With P the inverse of X'X + regularization I, a weight is -P[i, j] / P[j, j]. P is found in place,
    by Cholesky in float64: N^3 time, 8 N^2 bytes.

    Args:
      binary: [U, N] X.
      regularization: Greater than 0.
    """
    wide = binary.astype(np.float64)
    gram = np.asfortranarray((wide.T @ wide).toarray())
    np.fill_diagonal(gram, gram.diagonal() + regularization)
    factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1)
    if failed:
        raise ValueError(f"EASE with regularization {regularization:g} is not solvable; raise it")
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    inverse += np.tril(inverse, -1).T  # LAPACK fills the lower half
    weights = (inverse / -inverse.diagonal()).astype(np.float32)
    np.fill_diagonal(weights, 0.0)
    return weights


def _largest_of_columns(weights: np.ndarray, kept: int) -> sp.csr_matrix:
    """The largest weights of each item that is scored, by absolute value."""
    num_items = len(weights)
    kept = min(kept, num_items)
    size = max(_BLOCK_CELLS // num_items, 1)
    blocks = []
    for start in range(0, num_items, size):
        block = weights[:, start : start + size]
        rows = np.argpartition(-np.abs(block), kept - 1, axis=0)[:kept]
        values = np.take_along_axis(block, rows, axis=0)
        columns = np.broadcast_to(np.arange(block.shape[1]), rows.shape)
        blocks.append(sp.csr_matrix((values.ravel(), (rows.ravel(), columns.ravel())), shape=block.shape))
    matrix = sp.hstack(blocks, format="csr")
    matrix.eliminate_zeros()
    return matrix
