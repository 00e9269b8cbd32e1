"""Attributes of a query or a candidate as one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

# A z-score beside embeddings, which start near 0.03, would drown them: a tower then leans on numbers,
# and answers badly where they are unusual.
_NUMBER_SCALE = 0.1


@tf_keras.utils.register_keras_serializable("recstack")
class AttributeEncoder(tf_keras.layers.Layer):
    """Embeds categorical attributes and concatenates them with numeric ones, a tenth of each.

    A categorical attribute is an int64 index, [B], or a list of them padded with -1,
    [B, values], whose embeddings are averaged; an empty list, and an index of -1, give zeros.
    """

    def __init__(self, vocabulary_sizes: Mapping[str, int], numbers: Sequence[str], dim: int, **kwargs: Any):
        """Initializes the encoder.

        Args:
          vocabulary_sizes: Categorical attribute to its number of indices.
          numbers: Numeric attributes, [B] float32, already normalised.
          dim: Width of each embedding.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.vocabulary_sizes = dict(vocabulary_sizes)
        self.numbers = tuple(numbers)
        self.dim = dim
        self._embeddings = {
            name: tf_keras.layers.Embedding(size, dim, name=name)
            for name, size in self.vocabulary_sizes.items()
        }

    @property
    def output_dim(self) -> int:
        """Width of the encoded attributes."""
        return len(self.vocabulary_sizes) * self.dim + len(self.numbers)

    @property
    def tables(self) -> dict[str, tf.Variable]:
        """Categorical attribute to its embeddings, [indices, dim], once they are built."""
        return {name: layer.embeddings for name, layer in self._embeddings.items()}

    def call(self, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Encodes a batch.

        Args:
          features: Holds at least this encoder's attributes.

        Returns:
          [B, output_dim] float32.
        """
        parts = [self._embed(name, features[name]) for name in self.vocabulary_sizes]
        parts += [_NUMBER_SCALE * features[name][:, tf.newaxis] for name in self.numbers]
        return tf.concat(parts, axis=-1)

    def _embed(self, name: str, indices: tf.Tensor) -> tf.Tensor:
        """One categorical attribute as [B, dim]."""
        embeddings = self._embeddings[name](tf.maximum(indices, 0))
        present = tf.cast(indices >= 0, embeddings.dtype)[..., tf.newaxis]
        if indices.shape.rank == 1:
            return embeddings * present
        return tf.math.divide_no_nan(
            tf.reduce_sum(embeddings * present, axis=1), tf.reduce_sum(present, axis=1)
        )

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {
            **super().get_config(),
            "vocabulary_sizes": self.vocabulary_sizes,
            "numbers": self.numbers,
            "dim": self.dim,
        }
