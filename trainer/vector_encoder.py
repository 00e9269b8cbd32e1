"""Dense vectors that an item brings along, as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras


@tf_keras.utils.register_keras_serializable("recstack")
class VectorEncoder(tf_keras.layers.Layer):
    """Brings each vector to length one, projects it, and concatenates the projections.

    Vectors of all sorts thus count alike, whatever their scale. A vector of zeros, which stands for
    one that an item does not have, stays zeros: the projections have no bias.
    """

    def __init__(self, widths: Mapping[str, int], dim: int, **kwargs: Any):
        """Initializes the encoder.

        Args:
          widths: Vector to its number of values.
          dim: Width to which each is projected.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.widths = dict(widths)
        self.dim = dim
        self._projections = {
            name: tf_keras.layers.Dense(dim, use_bias=False, name=name) for name in self.widths
        }

    @property
    def output_dim(self) -> int:
        """Width of the encoded vectors."""
        return len(self.widths) * self.dim

    def call(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Encodes a batch.

        Args:
          features: Holds at least this encoder's vectors, [B, width] float32 each.

        Returns:
          [B, output_dim] float32.
        """
        parts = [
            projection(tf.math.l2_normalize(features[name], axis=-1))
            for name, projection in self._projections.items()
        ]
        return tf.concat(parts, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {**super().get_config(), "widths": self.widths, "dim": self.dim}
