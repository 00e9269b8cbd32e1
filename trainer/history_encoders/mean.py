"""The history as the mean of its events."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from trainer.history_encoders.base import HistoryEncoder


@tf_keras.utils.register_keras_serializable("recstack")
class MeanEncoder(HistoryEncoder):
    """The mean of the events so far, whatever their order and age."""

    def call(
        self, events: tf.Tensor, present: tf.Tensor, gaps: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """See :meth:`HistoryEncoder.call`; `gaps` are not used."""
        # Sums of many would be rounded off in less than float32.
        weights = tf.cast(present, tf.float32)[..., tf.newaxis]
        counts = tf.cumsum(weights, axis=1)
        sums = tf.cumsum(tf.cast(events, tf.float32) * weights, axis=1)
        return tf.math.divide_no_nan(sums, counts)
