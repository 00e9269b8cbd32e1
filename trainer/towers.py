"""The two towers: from features to the space in which queries meet candidates.

A score is the inner product of a query's and a candidate's embedding: the cosine of their directions
over a learnt temperature, and in one more dimension the candidate's popularity times the weight that
the query gives it. Scores are logits of a softmax over the corpus.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from trainer.attribute_encoder import AttributeEncoder
from trainer.time_gaps import gap_features
from trainer.vector_encoder import VectorEncoder

Features = Mapping[str, tf.Tensor]


@tf_keras.utils.register_keras_serializable("recstack")
class ResidualPerceptron(tf_keras.layers.Layer):
    """A multi-layer perceptron over several vectors, whose output is added to the first of them.

    Its last layer starts with zeros: what it is part of starts as the plain factorisation of ids and
    histories, and the rest learns what to add.
    """

    def __init__(self, hidden_dims: Sequence[int], dropout: float, **kwargs: Any):
        """Initializes the perceptron.

        Args:
          hidden_dims: Widths of the hidden layers.
          dropout: Dropout after each hidden layer.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self._hidden = [tf_keras.layers.Dense(width, activation="relu") for width in self.hidden_dims]
        self._dropout = tf_keras.layers.Dropout(dropout)

    def build(self, input_shape: Sequence[tf.TensorShape]) -> None:
        """Creates the last layer, as wide as the first vector."""
        self._output = tf_keras.layers.Dense(input_shape[0][-1], kernel_initializer="zeros", name="output")
        super().build(input_shape)

    def call(self, vectors: Sequence[tf.Tensor], training: bool = False) -> tf.Tensor:
        """Adds to the first vector.

        Args:
          vectors: [B, any width] each.
          training: Whether dropout is on.

        Returns:
          [B, width of the first].
        """
        vectors = [tf.cast(vector, self.compute_dtype) for vector in vectors]
        x = tf.concat(vectors, axis=-1)
        for layer in self._hidden:
            x = self._dropout(layer(x), training=training)
        return vectors[0] + self._output(x)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {**super().get_config(), "hidden_dims": self.hidden_dims, "dropout": self.dropout}


@tf_keras.utils.register_keras_serializable("recstack")
class CandidateTower(tf_keras.layers.Layer):
    """An item's id embedding, its text, its vectors and its attributes as one direction."""

    def __init__(
        self,
        vocabulary_sizes: Mapping[str, int],
        numbers: Sequence[str],
        vector_widths: Mapping[str, int],
        attribute_dim: int,
        content_dim: int,
        hidden_dims: Sequence[int],
        dropout: float,
        reads_text: bool = True,
        **kwargs: Any,
    ):
        """Initializes the tower.

        Args:
          vocabulary_sizes: Categorical attribute to its number of indices.
          numbers: Numeric attributes.
          vector_widths: Dense vector to its number of values.
          attribute_dim: Width of an attribute's embedding.
          content_dim: Width to which the text and each vector are projected.
          hidden_dims: Widths of the hidden layers.
          dropout: Dropout after each hidden layer.
          reads_text: Whether the text says anything.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.vocabulary_sizes = dict(vocabulary_sizes)
        self.numbers = tuple(numbers)
        self.vector_widths = dict(vector_widths)
        self.attribute_dim = attribute_dim
        self.content_dim = content_dim
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.reads_text = reads_text
        self._attributes = AttributeEncoder(
            self.vocabulary_sizes, self.numbers, attribute_dim, name="attributes"
        )
        self._text = tf_keras.layers.Dense(content_dim, name="text")
        self._vectors = VectorEncoder(self.vector_widths, content_dim, name="vectors")
        self._perceptron = ResidualPerceptron(self.hidden_dims, dropout, name="perceptron")

    @property
    def attributes(self) -> AttributeEncoder:
        """Encodes the attributes."""
        return self._attributes

    def call(
        self, ids: tf.Tensor, features: Features, text_embeddings: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Encodes a batch.

        Args:
          ids: [B, dim] id embeddings.
          features: The candidates' transformed attributes and vectors.
          text_embeddings: [B, hidden_dim] from the text tower.
          training: Whether dropout is on.

        Returns:
          [B, dim] of length one.
        """
        texts = [self._text(text_embeddings)] if self.reads_text else []
        parts = [ids, *texts, self._attributes(features)]
        if self.vector_widths:
            parts.append(self._vectors(features))
        return _direction(self._perceptron(parts, training=training))

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        names = ("vocabulary_sizes", "numbers", "vector_widths", "attribute_dim", "content_dim")
        own = {name: getattr(self, name) for name in (*names, "hidden_dims", "dropout", "reads_text")}
        return {**super().get_config(), **own}


@tf_keras.utils.register_keras_serializable("recstack")
class QueryTower(tf_keras.layers.Layer):
    """The state of a history, how long ago it ended, and who asks, as one embedding.

    Its last dimension is the weight of popularity: it depends on how many events are known and on
    whether their times are, so that the prior can fade as evidence grows.
    """

    def __init__(
        self,
        vocabulary_sizes: Mapping[str, int],
        numbers: Sequence[str],
        attribute_dim: int,
        hidden_dims: Sequence[int],
        dropout: float,
        initial_temperature: float,
        **kwargs: Any,
    ):
        """Initializes the tower.

        Args:
          vocabulary_sizes: Categorical attribute to its number of indices.
          numbers: Numeric attributes.
          attribute_dim: Width of an attribute's embedding.
          hidden_dims: Widths of the hidden layers.
          dropout: Dropout after each hidden layer.
          initial_temperature: Start value of the learnt temperature.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.vocabulary_sizes = dict(vocabulary_sizes)
        self.numbers = tuple(numbers)
        self.attribute_dim = attribute_dim
        self.hidden_dims = tuple(hidden_dims)
        self.dropout = dropout
        self.initial_temperature = initial_temperature
        self._attributes = AttributeEncoder(
            self.vocabulary_sizes, self.numbers, attribute_dim, name="attributes"
        )
        self._perceptron = ResidualPerceptron(self.hidden_dims, dropout, name="perceptron")
        self._popularity = tf_keras.layers.Dense(1, name="popularity")

    def build(self, input_shape: Any) -> None:
        """Creates the temperature."""
        self._log_temperature = self.add_weight(
            "log_temperature",
            (),
            initializer=tf_keras.initializers.Constant(math.log(self.initial_temperature)),
            experimental_autocast=False,  # a step of learning is smaller than one of bfloat16
        )
        super().build(input_shape)

    @property
    def temperature(self) -> tf.Tensor:
        """Scalar float32: what the cosine is divided by."""
        return tf.exp(self._log_temperature)

    @property
    def attributes(self) -> AttributeEncoder:
        """Encodes the attributes."""
        return self._attributes

    def encode_attributes(self, features: Features) -> tf.Tensor:
        """Attributes of [B] queries, [B, width] float32."""
        return tf.cast(self._attributes(features), tf.float32)

    def call(
        self,
        states: tf.Tensor,
        gaps: tf.Tensor,
        counts: tf.Tensor,
        others: Sequence[tf.Tensor],
        training: bool = False,
    ) -> tf.Tensor:
        """Encodes moments of histories.

        Args:
          states: [M, dim] from a history encoder; zeros without a history.
          gaps: [M] float32, log(1 + seconds) since the newest event; less than 0 if not known.
          counts: [M] int32 events that the state knows.
          others: [M, any width] each: encoded attributes, and the user's embedding if there is one.
          training: Whether dropout is on.

        Returns:
          [M, dim + 1].
        """
        known = tf.cast(counts > 0, tf.float32)[:, tf.newaxis]
        time = gap_features(gaps) * known
        direction = _direction(self._perceptron([states, time, known, *others], training=training))
        evidence = tf.math.log1p(tf.cast(counts, tf.float32))[:, tf.newaxis]
        popularity = self._popularity(tf.concat([evidence, known, time], axis=-1))
        popularity = tf.nn.softplus(tf.cast(popularity, tf.float32))
        return tf.concat([direction / self.temperature, popularity], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        names = ("vocabulary_sizes", "numbers", "attribute_dim", "hidden_dims", "dropout")
        own = {name: getattr(self, name) for name in (*names, "initial_temperature")}
        return {**super().get_config(), **own}


def _direction(x: tf.Tensor) -> tf.Tensor:
    """[B, dim] float32 of length one."""
    return tf.math.l2_normalize(tf.cast(x, tf.float32), axis=-1)
