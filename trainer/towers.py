"""The two towers: from features to the space in which queries meet candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from trainer.attribute_encoder import AttributeEncoder


@tf_keras.utils.register_keras_serializable("recstack")
class Tower(tf_keras.layers.Layer):
    """Attributes and given vectors through a multi-layer perceptron onto the unit sphere.

    The first vector also skips the hidden layers (through a projection), so that a tower starts
    near the plain factorisation of its ids or history and the rest learns what to add.
    """

    def __init__(
        self,
        vocabulary_sizes: Mapping[str, int],
        numbers: Sequence[str],
        attribute_dim: int,
        hidden_dims: Sequence[int],
        output_dim: int,
        dropout: float,
        **kwargs: Any,
    ):
        """Initializes the tower.

        Args:
          vocabulary_sizes: Categorical attribute to its number of indices.
          numbers: Numeric attributes.
          attribute_dim: Width of an attribute's embedding.
          hidden_dims: Widths of the hidden layers.
          output_dim: Width of the output.
          dropout: Dropout after each hidden layer.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.vocabulary_sizes = dict(vocabulary_sizes)
        self.numbers = tuple(numbers)
        self.attribute_dim = attribute_dim
        self.hidden_dims = tuple(hidden_dims)
        self.output_dim = output_dim
        self.dropout = dropout
        self._attributes = AttributeEncoder(
            self.vocabulary_sizes, self.numbers, attribute_dim, name="attributes"
        )
        self._hidden = [tf_keras.layers.Dense(width, activation="relu") for width in self.hidden_dims]
        self._dropout = tf_keras.layers.Dropout(dropout)
        self._output = tf_keras.layers.Dense(output_dim, name="output")
        self._skip = tf_keras.layers.Dense(output_dim, use_bias=False, name="skip")

    def call(
        self, features: Mapping[str, tf.Tensor], vectors: Sequence[tf.Tensor], training: bool = False
    ) -> tf.Tensor:
        """Encodes a batch.

        Args:
          features: The tower's attributes.
          vectors: [B, any width] each; the first one skips the hidden layers too.
          training: Whether dropout is on.

        Returns:
          [B, output_dim] float32 of length one.
        """
        x = tf.concat([*vectors, self._attributes(features)], axis=-1)
        for layer in self._hidden:
            x = self._dropout(layer(x), training=training)
        return tf.math.l2_normalize(tf.cast(self._output(x) + self._skip(vectors[0]), tf.float32), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {
            **super().get_config(),
            "vocabulary_sizes": self.vocabulary_sizes,
            "numbers": self.numbers,
            "attribute_dim": self.attribute_dim,
            "hidden_dims": self.hidden_dims,
            "output_dim": self.output_dim,
            "dropout": self.dropout,
        }
