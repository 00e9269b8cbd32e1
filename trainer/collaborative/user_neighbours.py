"""User-based collaborative filtering: what those engaged with who have much in common with one."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from pipeline.config.collaborative import UserKnnConfig
from trainer.collaborative.history import HistorySets
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.source import Source
from trainer.collaborative.sparse_rows import SparseRows


class UserNeighbours(Source):
    """The nearest known users (Herlocker et al. 1999); a score is the sum of their similarities.

    The similarity is that of two sets of items: the history's, and all that a known user engaged with.
    A user who has nothing beyond the history is no neighbour: he has nothing to tell, and would take
    another's place. Who asks is mostly such a user.

    Variables: `indices` [nnz, 2] int64, the user and item of each interaction; `sizes` [U] float32.
    """

    def __init__(
        self,
        interactions: InteractionMatrix,
        config: UserKnnConfig | None = None,
        name: str = "user_knn",
        seed: int = 0,
    ):
        """Keeps the users.

        Args:
          interactions: Who engaged with what.
          config: Which similarity, and how many neighbours; the defaults if left out.
          name: The source's.
          seed: Of the sample of users, should there be too many.
        """
        super().__init__(interactions.num_items, name)
        self._config = config or UserKnnConfig()
        users = interactions.binary
        if interactions.num_users > self._config.max_users:
            order = np.random.default_rng(seed).permutation(interactions.num_users)
            users = users[np.sort(order[: self._config.max_users])]
        users = users.sorted_indices()
        self._num_users = users.shape[0]
        self._users = SparseRows(users, name="users")
        owners = np.repeat(np.arange(self._num_users), np.diff(users.indptr))
        pairs = np.stack([owners, users.indices], axis=1).astype(np.int64)
        self.indices = tf.Variable(pairs, trainable=False)
        self.sizes = tf.Variable(np.diff(users.indptr).astype(np.float32), trainable=False)

    def scores_of_sets(self, histories: HistorySets) -> tf.Tensor:
        """[B, N] float32: sums of the similarities of the neighbours who engaged with an item."""
        count = min(self._config.neighbours, self._num_users)
        similarities, users = tf.math.top_k(self._similarities(histories), count, sorted=False)
        near = similarities > 0
        queries = tf.cast(tf.where(near)[:, 0], tf.int32)
        return self._users.sums(
            tf.boolean_mask(users, near),
            queries,
            histories.num_queries,
            tf.boolean_mask(similarities, near),
        )

    def _similarities(self, histories: HistorySets) -> tf.Tensor:
        """[B, U]: to each known user; 0 to those with nothing beyond the history."""
        shape = [self._num_users, self.num_items]
        known = tf.SparseTensor(self.indices, self._users.values, shape)
        common = tf.transpose(tf.sparse.sparse_dense_matmul(known, histories.columns()))
        asked, sizes = histories.sizes[:, tf.newaxis], self.sizes[tf.newaxis]
        if self._config.similarity == "cosine":
            similarity = common / tf.sqrt(tf.maximum(asked * sizes, 1.0))
        else:
            covariance = self.num_items * common - asked * sizes
            # Two roots, since the product of both may be too large for integers in float32.
            spread = tf.sqrt(asked * (self.num_items - asked)) * tf.sqrt(sizes * (self.num_items - sizes))
            similarity = tf.math.divide_no_nan(covariance, spread)
        similarity *= tf.math.divide_no_nan(common, common + self._config.shrinkage)
        return tf.where(common < sizes, similarity, 0.0)
