"""Factors of items, users and histories: collaborative filtering inside the ranking model."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf
import tf_keras

# Keeps the factors of short histories near zero; counted in events.
_PRIOR_EVENTS = 10.0


class Affinity(NamedTuple):
    """How candidates stand to a query by their factors alone.

    Attributes:
      products: [B, K, dim] float32, candidate times query, factor by factor.
      biases: [B, K] float32, learnt biases of candidate and user.
      total: [B, K] float32, the sum of both.
    """

    products: tf.Tensor
    biases: tf.Tensor
    total: tf.Tensor


@tf_keras.utils.register_keras_serializable("recstack")
class HistoryFactors(tf_keras.layers.Layer):
    """Query and candidate as factors whose product says how they fit (Koren 2008).

    The query's factors are the sum of the user's own, of one vector for each item of the history, and of
    another for each item times the value that it was given, relative to what was expected; the sums over
    the history are divided by the root of its length. So a user without a row of his own, and one whose
    tastes moved on since training, is described by his history. A prior on all rows (L2, as that of a
    normal distribution around zero) is what lets the factors learn from few examples.
    """

    def __init__(self, num_items: int, num_users: int, dim: int, l2: float, **kwargs: Any):
        """Initializes the factors.

        Args:
          num_items: Rows of items, unknown ones included.
          num_users: Rows of users, unknown ones included.
          dim: Number of factors.
          l2: Weight of the squares of all factors and biases in the loss of an average example.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.num_items = num_items
        self.num_users = num_users
        self.dim = dim
        self.l2 = l2
        self._candidate = self._table(num_items, dim, 0.1, "candidate")
        self._valued = self._table(num_items, dim, 0.1, "valued")
        self._seen = self._table(num_items, dim, 0.01, "seen")
        self._user = self._table(num_users, dim, 0.01, "user")
        self._item_bias = self._table(num_items, 1, 0.0, "item_bias")
        self._user_bias = self._table(num_users, 1, 0.0, "user_bias")

    @property
    def item_tables(self) -> list[tf.Variable]:
        """[num_items, any width] each, once they are built."""
        return [x.embeddings for x in (self._candidate, self._valued, self._seen, self._item_bias)]

    @property
    def user_tables(self) -> list[tf.Variable]:
        """[num_users, any width] each, once they are built."""
        return [x.embeddings for x in (self._user, self._user_bias)]

    def _table(self, rows: int, dim: int, stddev: float, name: str) -> tf_keras.layers.Embedding:
        return tf_keras.layers.Embedding(
            rows,
            dim,
            embeddings_initializer=tf_keras.initializers.RandomNormal(stddev=stddev),
            embeddings_regularizer=tf_keras.regularizers.L2(self.l2),
            name=name,
        )

    def call(
        self, rows: tf.Tensor, users: tf.Tensor, history: tf.Tensor, present: tf.Tensor, values: tf.Tensor
    ) -> Affinity:
        """Looks factors up and multiplies them.

        Args:
          rows: [B, K] int32, candidates.
          users: [B] int64.
          history: [B, L] int32, rows of items; anything where there is none.
          present: [B, L] float32, 0 where there is none.
          values: [B, L] float32, above or below what was expected; zeros where nothing is known.

        Returns:
          The affinity of each candidate.
        """
        history = tf.where(present > 0, history, 0)
        scale = tf.math.rsqrt(tf.reduce_sum(present, axis=1, keepdims=True) + _PRIOR_EVENTS)
        query = self._user(users)
        query += scale * tf.einsum("bl,bld->bd", present, self._seen(history))
        query += scale * tf.einsum("bl,bld->bd", present * values, self._valued(history))
        products = self._candidate(rows) * query[:, tf.newaxis]
        biases = tf.squeeze(self._item_bias(rows), -1) + self._user_bias(users)
        return Affinity(products, biases, tf.reduce_sum(products, axis=-1) + biases)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {
            **super().get_config(),
            "num_items": self.num_items,
            "num_users": self.num_users,
            "dim": self.dim,
            "l2": self.l2,
        }
