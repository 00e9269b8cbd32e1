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
        weights = tf.cast(present, events.dtype)[..., tf.newaxis]
        counts = tf.cumsum(weights, axis=1)
        return tf.math.divide_no_nan(tf.cumsum(events * weights, axis=1), counts)
