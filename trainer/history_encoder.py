"""A user's history of items as one vector."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf
import tf_keras

_TIME_DIM = 8
# Logarithms of seconds, centred on a day; a minute and ten years come near -2 and 2.
_LOG_DAY, _LOG_SCALE = math.log(86400.0), 4.0


@tf_keras.utils.register_keras_serializable("recstack")
class MeanHistoryEncoder(tf_keras.layers.Layer):
    """The mean of the history's embeddings, however old; zeros without a history."""

    def call(self, embeddings: tf.Tensor, present: tf.Tensor, ages: tf.Tensor) -> tf.Tensor:
        """Encodes a batch of histories.

        Args:
          embeddings: [B, length, dim], oldest first, padding last.
          present: [B, length] bool, false for padding.
          ages: [B, length] float32; not used.

        Returns:
          [B, dim].
        """
        weights = tf.cast(present, embeddings.dtype)[..., tf.newaxis]
        return tf.math.divide_no_nan(tf.reduce_sum(embeddings * weights, 1), tf.reduce_sum(weights, 1))


@tf_keras.utils.register_keras_serializable("recstack")
class AttentionHistoryEncoder(tf_keras.layers.Layer):
    """Attention over the history from its newest item, beside that item itself.

    An item's weight follows from its embedding and from its age counted in items, as in NARM and
    STAMP (Li et al. 2017; Liu et al. 2018), with learnt age embeddings in place of a recurrence;
    and from the time that has passed since, by a small layer whose say depends on the newest item.
    """

    def __init__(self, max_length: int, **kwargs: Any):
        """Initializes the encoder.

        Args:
          max_length: Longest history.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.max_length = max_length

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the projections and the age embeddings."""
        dim = input_shape[-1]
        self._query = tf_keras.layers.Dense(dim, name="query")
        self._key = tf_keras.layers.Dense(dim, name="key")
        self._age_embeddings = self.add_weight(
            "age_embeddings",
            (self.max_length, dim),
            initializer=tf_keras.initializers.RandomNormal(stddev=0.05),
        )
        self._age_bias = self.add_weight("age_bias", (self.max_length,), initializer="zeros")
        self._time = tf_keras.layers.Dense(_TIME_DIM, activation="tanh", name="time")
        self._time_query = tf_keras.layers.Dense(_TIME_DIM, name="time_query")
        super().build(input_shape)

    def call(self, embeddings: tf.Tensor, present: tf.Tensor, ages: tf.Tensor) -> tf.Tensor:
        """Encodes a batch of histories.

        Args:
          embeddings: [B, length, dim], oldest first, padding last; length is at most `max_length`.
          present: [B, length] bool, false for padding.
          ages: [B, length] float32, log(1 + seconds) since each event.

        Returns:
          [B, 2 * dim]: what was attended to, and the newest item; zeros without a history.
        """
        weights = tf.cast(present, embeddings.dtype)
        embeddings = embeddings * weights[..., tf.newaxis]
        count = tf.reduce_sum(tf.cast(present, tf.int32), axis=1)
        newest = tf.gather(embeddings, tf.maximum(count - 1, 0), batch_dims=1)
        age = tf.clip_by_value(
            count[:, tf.newaxis] - 1 - tf.range(tf.shape(embeddings)[1])[tf.newaxis], 0, self.max_length - 1
        )
        keys = self._key(embeddings + tf.gather(self._age_embeddings, age))
        scale = tf.math.rsqrt(tf.cast(tf.shape(keys)[-1], keys.dtype))
        scores = tf.einsum("bd,bld->bl", self._query(newest), keys) * scale + tf.gather(self._age_bias, age)
        time = self._time((ages[..., tf.newaxis] - _LOG_DAY) / _LOG_SCALE)
        scores += tf.einsum("bt,blt->bl", self._time_query(newest), time)
        scores = tf.cast(scores, tf.float32)  # whatever layers compute in
        attention = tf.nn.softmax(tf.where(present, scores, scores.dtype.min))
        attention = tf.cast(attention, embeddings.dtype) * weights
        return tf.concat([tf.einsum("bl,bld->bd", attention, embeddings), newest], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {**super().get_config(), "max_length": self.max_length}


def build_history_encoder(kind: str, max_length: int) -> tf_keras.layers.Layer:
    """The history encoder of a configuration's name for it."""
    if kind == "mean":
        return MeanHistoryEncoder(name="history_encoder")
    return AttentionHistoryEncoder(max_length, name="history_encoder")
