"""Lists whose items are not all alike."""

from __future__ import annotations

import tensorflow as tf

_LEAST_COSINE = -1.0


def diversified(
    order: tf.Tensor, directions: tf.Tensor, valid: tf.Tensor, diversity: tf.Tensor, k: tf.Tensor
) -> tf.Tensor:
    """The places of the best by maximal marginal relevance (Carbonell and Goldstein 1998).

    One after another is chosen by (1 - diversity) * relevance - diversity * similarity: relevance is the
    order, scaled to lie between 0 and 1 among the valid candidates of each request; similarity is the largest
    cosine with what has been chosen. The first is the most relevant one.

    Args:
      order: [B, K] float32.
      directions: [B, K, D] float32 of length one.
      valid: [B, K] bool.
      diversity: [B] float32 between 0 and 1.
      k: Scalar int32 from 1 to K.

    Returns:
      [B, k] int32 places; after the last valid one, anything.
    """
    relevance = _scaled(order, valid)
    weight = diversity[:, tf.newaxis]

    def step(i: tf.Tensor, chosen: tf.TensorArray, nearest: tf.Tensor, free: tf.Tensor) -> tuple:
        value = tf.where(free, (1.0 - weight) * relevance - weight * nearest, tf.float32.min)
        # With weight 1 all are alike at first.
        value = tf.cond(tf.equal(i, 0), lambda: tf.where(free, relevance, tf.float32.min), lambda: value)
        best = tf.argmax(value, axis=1, output_type=tf.int32)
        similarity = tf.linalg.matvec(directions, tf.gather(directions, best, batch_dims=1))
        free &= ~tf.one_hot(best, tf.shape(free)[1], True, False, dtype=tf.bool)
        return i + 1, chosen.write(i, best), tf.maximum(nearest, similarity), free

    start = (
        tf.constant(0),
        tf.TensorArray(tf.int32, size=k, element_shape=[None]),
        tf.fill(tf.shape(order), _LEAST_COSINE),
        valid,
    )
    _, chosen, _, _ = tf.while_loop(lambda i, *_: i < k, step, start)
    return tf.transpose(chosen.stack())


def _scaled(order: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """The order between 0 and 1 among the valid candidates."""
    lowest = tf.reduce_min(tf.where(valid, order, tf.float32.max), axis=1, keepdims=True)
    highest = tf.reduce_max(tf.where(valid, order, tf.float32.min), axis=1, keepdims=True)
    return tf.math.divide_no_nan(order - lowest, highest - lowest)
