"""Matrix factorization of implicit feedback."""

from __future__ import annotations

import warnings

import numpy as np
import scipy.sparse as sp
import tensorflow as tf
from threadpoolctl import threadpool_limits

from pipeline.config.collaborative import IalsConfig
from trainer.collaborative.history import HistorySets
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.source import Source


class Ials(Source):
    """Implicit alternating least squares (Hu, Koren and Volinsky 2008).

    The items' factors are implicit's; a request's own are solved for in the graph, from its history.

    Variables: `item_factors` [N, F] float32; `gram` [F, F] float32, Y'Y + regularization I.
    """

    def __init__(
        self,
        interactions: InteractionMatrix,
        config: IalsConfig | None = None,
        name: str = "ials",
        seed: int = 0,
    ):
        """Factorizes.

        Args:
          interactions: Who engaged with what.
          config: Width, regularization and confidence; the defaults if left out.
          name: The source's.
          seed: Of the first factors.
        """
        super().__init__(interactions.num_items, name)
        self._config = config or IalsConfig()
        factors = _item_factors(interactions.binary, self._config, seed)
        wide = factors.astype(np.float64)
        gram = wide.T @ wide + self._config.regularization * np.eye(self._config.factors)
        self.item_factors = tf.Variable(factors, trainable=False)
        self.gram = tf.Variable(gram.astype(np.float32), trainable=False)

    def scores_of_sets(self, histories: HistorySets) -> tf.Tensor:
        """[B, N] float32: products of the factors; near 1 is what the model expects the user to have."""
        return tf.linalg.matmul(self.query_factors(histories), self.item_factors, transpose_b=True)

    def query_factors(self, histories: HistorySets) -> tf.Tensor:
        """[B, F] float32: the least squares' solution with the items' factors fixed; zeros for no history.

        With y the factors of the history's items, (Y'Y + regularization I + alpha sum y y') x =
        (1 + alpha) sum y.
        """
        counts = tf.cast(histories.counts, tf.float32)[:, :, tf.newaxis]
        engaged = tf.gather(self.item_factors, histories.rows) * counts
        left = self.gram + self._config.alpha * tf.linalg.matmul(engaged, engaged, transpose_a=True)
        right = (1.0 + self._config.alpha) * tf.reduce_sum(engaged, axis=1)
        solution = tf.linalg.cholesky_solve(tf.linalg.cholesky(left), right[:, :, tf.newaxis])
        return tf.squeeze(solution, axis=2)


def _item_factors(binary: sp.csr_matrix, config: IalsConfig, seed: int) -> np.ndarray:
    """[N, F] float32, by implicit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # implicit's, about threads of BLAS, which has little to do here
        from implicit.cpu.als import AlternatingLeastSquares

        model = AlternatingLeastSquares(
            factors=config.factors,
            regularization=config.regularization,
            alpha=1.0,  # the confidence is in the matrix
            iterations=config.iterations,
            num_threads=1,
            random_state=seed,
        )
        # On a busy machine threads of BLAS that wait for each other made a fit a hundred times slower.
        with threadpool_limits(1, "blas"):
            model.fit(binary * np.float32(1.0 + config.alpha), show_progress=False)
    return model.item_factors
