"""The history read by causal convolutions."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from trainer.history_encoders.base import HistoryEncoder

_KERNEL_SIZE = 3


@tf_keras.utils.register_keras_serializable("recstack")
class ConvolutionalEncoder(HistoryEncoder):
    """Residual causal convolutions, each reaching twice as far back, as in NextItNet (Yuan et al. 2019)."""

    def __init__(self, blocks: int, dropout: float, **kwargs: Any):
        """Initializes the encoder.

        Args:
          blocks: Convolutions; n of them reach back 2 ** (n + 1) - 1 events.
          dropout: Dropout of the events and after each convolution.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.blocks = blocks
        self.dropout = dropout
        layers = tf_keras.layers
        self._norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(blocks)]
        self._dropout = layers.Dropout(dropout)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the convolutions, as wide as the events."""
        self._convolutions = [
            tf_keras.layers.Conv1D(
                input_shape[-1], _KERNEL_SIZE, padding="causal", dilation_rate=2**place, activation="relu"
            )
            for place in range(self.blocks)
        ]
        super().build(input_shape)

    def call(
        self, events: tf.Tensor, present: tf.Tensor, gaps: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """See :meth:`HistoryEncoder.call`; `gaps` are not used."""
        states = self._dropout(events, training=training)
        for norm, convolution in zip(self._norms, self._convolutions, strict=True):
            states += self._dropout(convolution(norm(states)), training=training)
        return states

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {**super().get_config(), "blocks": self.blocks, "dropout": self.dropout}
