"""What a candidate finds in a history."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

# Sharpness, at the start, of the similarity between a candidate and the items of a history.
_SIMILARITY_SCALE = 5.0


@tf_keras.utils.register_keras_serializable("recstack")
class TargetAttention(tf_keras.layers.Layer):
    """Each candidate attends to the history (as in DIN, Zhou et al. 2018), in several ways.

    A head's score of an item is a learnt multiple of its similarity to the candidate, a bilinear form of
    both, and what the event's marks (its value, its age) add. Beside the events there is one more thing to
    attend to, nothing, of score and content zero: a history that holds nothing of interest answers with
    little, and an empty one with zeros. The weights of the events alone, summed, say how much there was.
    """

    def __init__(self, heads: int, dim: int, **kwargs: Any):
        """Initializes the attention.

        Args:
          heads: Ways to attend.
          dim: Width of a head.
          **kwargs: Keras' own arguments.

        Raises:
          ValueError: There is no head, or no width.
        """
        super().__init__(**kwargs)
        if min(heads, dim) < 1:
            raise ValueError(f"attention needs heads of a width, got {heads} of width {dim}")
        self.heads = heads
        self.dim = dim
        self._query = tf_keras.layers.Dense(heads * dim, use_bias=False, name="query")
        self._key = tf_keras.layers.Dense(heads * dim, use_bias=False, name="key")
        self._content = tf_keras.layers.Dense(heads * dim, use_bias=False, name="content")
        self._marks = tf_keras.layers.Dense(heads, kernel_initializer="zeros", name="marks")

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the scale of the similarities."""
        self._scale = self.add_weight(
            "scale", (self.heads,), initializer=tf_keras.initializers.Constant(_SIMILARITY_SCALE)
        )
        super().build(input_shape)

    def call(
        self, candidates: tf.Tensor, history: tf.Tensor, marks: tf.Tensor, present: tf.Tensor
    ) -> tf.Tensor:
        """Attends.

        Args:
          candidates: [B, K, width] float32, of length one.
          history: [B, L, width] float32, of length one.
          marks: [B, L, M] float32, what is known of each event.
          present: [B, L] float32, 0 where there is no event.

        Returns:
          [B, K, heads * (dim + M + 1)]: of each head the content attended to, the marks, and the sum of the
          events' weights.
        """
        queries, keys = self._parted(self._query(candidates)), self._parted(self._key(history))
        scores = tf.einsum("bkhd,blhd->bhkl", queries, keys) * self.dim**-0.5
        similarity = tf.einsum("bkd,bld->bkl", candidates, history)
        scores += self._scale[:, tf.newaxis, tf.newaxis] * similarity[:, tf.newaxis]
        scores += tf.transpose(self._marks(marks), [0, 2, 1])[:, :, tf.newaxis]
        weights = _softmax_beside_nothing(scores, present[:, tf.newaxis, tf.newaxis])
        content = tf.einsum("bhkl,blhd->bkhd", weights, self._parted(self._content(history)))
        found = tf.einsum("bhkl,blm->bkhm", weights, marks)
        total = tf.einsum("bhkl->bkh", weights)[..., tf.newaxis]
        answers = tf.concat([content, found, total], axis=-1)
        shape = tf.shape(answers)
        width = self.heads * (self.dim + marks.shape[-1] + 1)
        return tf.ensure_shape(tf.reshape(answers, [shape[0], shape[1], width]), [None, None, width])

    def _parted(self, x: tf.Tensor) -> tf.Tensor:
        """[B, L, heads * dim] as [B, L, heads, dim]."""
        shape = tf.shape(x)
        return tf.reshape(x, [shape[0], shape[1], self.heads, self.dim])

    def get_config(self) -> dict[str, Any]:
        """Every constructor argument."""
        return {**super().get_config(), "heads": self.heads, "dim": self.dim}


def _softmax_beside_nothing(scores: tf.Tensor, present: tf.Tensor) -> tf.Tensor:
    """Softmax over the last axis with one more score, 0, whose own weight is left out.

    Args:
      scores: Any float32.
      present: 0 where a score does not count.
    """
    scores = tf.where(present > 0, scores, scores.dtype.min)
    # Taken out of all, zero's own included, so that nothing overflows.
    highest = tf.stop_gradient(tf.maximum(tf.reduce_max(scores, axis=-1, keepdims=True), 0.0))
    weights = tf.exp(scores - highest) * present
    return weights / (tf.reduce_sum(weights, axis=-1, keepdims=True) + tf.exp(-highest))
