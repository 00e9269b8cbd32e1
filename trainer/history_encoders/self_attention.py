"""The history read by self-attention, with positions and time gaps."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from trainer.history_encoders.base import HistoryEncoder
from trainer.time_gaps import gap_features

_POSITION_STDDEV = 0.05
_HIDDEN_RATIO = 2


@tf_keras.utils.register_keras_serializable("recstack")
class AttentionBlock(tf_keras.layers.Layer):
    """Causal multi-head attention and a two-layer perceptron, each behind a norm and a residual."""

    def __init__(self, heads: int, dropout: float, **kwargs: Any):
        """Initializes the block.

        Args:
          heads: Attention heads; they must divide the width of the input.
          dropout: Dropout of the attention weights and of what is added.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.heads = heads
        self.dropout = dropout
        layers = tf_keras.layers
        self._norms = [layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self._dropout = layers.Dropout(dropout)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the projections, as wide as the input."""
        dim = input_shape[-1]
        layers = tf_keras.layers
        self._query_key_value = layers.Dense(3 * dim, name="query_key_value")
        self._attended = layers.Dense(dim, name="attended")
        self._hidden = layers.Dense(_HIDDEN_RATIO * dim, activation=tf.nn.gelu, name="hidden")
        self._output = layers.Dense(dim, name="output")
        super().build(input_shape)

    def call(self, states: tf.Tensor, visible: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Updates states.

        Args:
          states: [B, length, dim].
          visible: [B, length, length] bool: which events each event may look at.
          training: Whether dropout is on.

        Returns:
          [B, length, dim].
        """
        attended = self._attended(self._attend(self._norms[0](states), visible, training))
        states += self._dropout(attended, training=training)
        hidden = self._dropout(self._hidden(self._norms[1](states)), training=training)
        return states + self._dropout(self._output(hidden), training=training)

    def _attend(self, states: tf.Tensor, visible: tf.Tensor, training: bool) -> tf.Tensor:
        """Scaled dot-product attention (Vaswani et al. 2017), the heads side by side."""
        batch, length, dim = tf.shape(states)[0], tf.shape(states)[1], states.shape[-1]
        split = tf.reshape(self._query_key_value(states), [batch, length, 3, self.heads, dim // self.heads])
        query, key, value = tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4]))
        scores = tf.matmul(query, key, transpose_b=True) * (dim // self.heads) ** -0.5
        weights = tf.nn.softmax(tf.where(visible[:, tf.newaxis], scores, scores.dtype.min / 2))
        mixed = tf.matmul(self._dropout(weights, training=training), value)
        return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, length, dim])

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {**super().get_config(), "heads": self.heads, "dropout": self.dropout}


@tf_keras.utils.register_keras_serializable("recstack")
class SelfAttentionEncoder(HistoryEncoder):
    """Causal self-attention over the events, as in SASRec (Kang and McAuley 2018).

    Positions are counted back from the newest event of the history, so that the state that answers a
    request stands in the same place whatever the history's length. The gap before each event enters
    beside its position, as in TiSASRec (Li et al. 2020), but as a number instead of a bucket a pair.
    """

    def __init__(self, max_length: int, blocks: int, heads: int, dropout: float, **kwargs: Any):
        """Initializes the encoder.

        Args:
          max_length: Longest history.
          blocks: Attention blocks.
          heads: Heads of each; they must divide the width of the events.
          dropout: Dropout of the events and inside the blocks.
          **kwargs: Keras' own arguments.
        """
        super().__init__(**kwargs)
        self.max_length = max_length
        self.blocks = blocks
        self.heads = heads
        self.dropout = dropout
        self._blocks = [AttentionBlock(heads, dropout, name=f"block_{place}") for place in range(blocks)]
        self._norm = tf_keras.layers.LayerNormalization(epsilon=1e-6, name="norm")
        self._dropout = tf_keras.layers.Dropout(dropout)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the position embeddings and the projection of gaps."""
        dim = input_shape[-1]
        self._positions = self.add_weight(
            "positions",
            (self.max_length, dim),
            initializer=tf_keras.initializers.RandomNormal(stddev=_POSITION_STDDEV),
        )
        self._gaps = tf_keras.layers.Dense(dim, kernel_initializer="zeros", name="gaps")
        # Events and positions weigh about as much as what a block adds.
        self._scale = dim**0.5 / 2.0
        super().build(input_shape)

    def call(
        self, events: tf.Tensor, present: tf.Tensor, gaps: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """See :meth:`HistoryEncoder.call`; a history is at most `max_length` long."""
        length = tf.shape(events)[1]
        count = tf.reduce_sum(tf.cast(present, tf.int32), axis=1, keepdims=True)
        age = tf.clip_by_value(count - 1 - tf.range(length)[tf.newaxis], 0, self.max_length - 1)
        states = (events + tf.gather(self._positions, age)) * self._scale
        states += self._gaps(gap_features(tf.pad(gaps[:, :-1], [[0, 0], [1, 0]])))
        states = self._dropout(states, training=training)
        causal = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)
        visible = causal & present[:, tf.newaxis]
        for block in self._blocks:
            states = block(states, visible=visible, training=training)
        return self._norm(states)

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        own = {name: getattr(self, name) for name in ("max_length", "blocks", "heads", "dropout")}
        return {**super().get_config(), **own}
