"""The history read by a recurrent network."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from trainer.history_encoders.base import HistoryEncoder


@tf_keras.utils.register_keras_serializable("recstack")
class RecurrentEncoder(HistoryEncoder):
    """A gated recurrent unit over the events, as in GRU4Rec (Hidasi et al. 2016)."""

    def __init__(self, dropout: float, **kwargs: Any):
        """Initializes the encoder.

        Args:
          dropout: Dropout of the events and of the states.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.dropout = dropout
        self._dropout = tf_keras.layers.Dropout(dropout)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the unit, as wide as the events."""
        self._unit = tf_keras.layers.GRU(input_shape[-1], return_sequences=True, name="unit")
        super().build(input_shape)

    def call(
        self, events: tf.Tensor, present: tf.Tensor, gaps: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """See :meth:`HistoryEncoder.call`; `gaps` are not used."""
        # Padding stands behind, where it can change no state that counts.
        states = self._unit(self._dropout(events, training=training))
        return self._dropout(states, training=training)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {**super().get_config(), "dropout": self.dropout}
