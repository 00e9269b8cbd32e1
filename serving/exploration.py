"""Noise in an order, so that not always the same items are shown, and how likely it made what is shown."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_TINY = float(np.finfo(np.float32).tiny)
_LEAST = -1e30  # a logit that is out of reach, and still more than that of no candidate


def explored(
    order: tf.Tensor, rows: tf.Tensor, strength: tf.Tensor, seed: tf.Tensor, num_items: int
) -> tf.Tensor:
    """An order with Gumbel noise.

    The best k of it are a draw without replacement with odds exp(order / strength) (the Gumbel-top-k trick;
    Kool et al. 2019): the list is a sample of a Plackett-Luce model. The noise of an item follows from the
    seed and its corpus row alone, so that a request with its seed always gives the same list.

    Args:
      order: [B, K] float32.
      rows: [B, K] int32 corpus rows.
      strength: [B] float32, the temperature; where it is 0 the order stays as it is.
      seed: [B] int64.
      num_items: N.

    Returns:
      [B, K] float32.
    """

    def noise(of_request: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        own_seed, own_rows = of_request
        seeds = tf.stack([own_seed, tf.zeros_like(own_seed)])
        uniform = tf.random.stateless_uniform([num_items], seeds, minval=_TINY)
        return -tf.math.log(-tf.math.log(tf.gather(uniform, own_rows)))

    gumbel = tf.map_fn(noise, (seed, rows), fn_output_signature=tf.TensorSpec([None], tf.float32))
    return order + strength[:, tf.newaxis] * gumbel


def draw_propensities(order: tf.Tensor, valid: tf.Tensor, strength: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    """How likely each place of a drawn order was, given those before it.

    By Plackett and Luce an item comes next with its odds among all candidates that are left.

    Args:
      order: [B, K] float32 without noise.
      valid: [B, K] bool, which candidates there are.
      strength: [B] float32, the temperature, above 0.
      drawn: [B, K] int32 places of all candidates in the order with noise, those that there are first.

    Returns:
      [B, K] float32 between 0 and 1, by rank; anything after the last valid candidate.
    """
    highest = tf.reduce_max(tf.where(valid, order, tf.float32.min), axis=1, keepdims=True)
    logits = tf.maximum((order - highest) / strength[:, tf.newaxis], _LEAST)
    by_rank = tf.gather(tf.where(valid, logits, tf.float32.min), drawn, batch_dims=1)
    left = tf.math.cumulative_logsumexp(by_rank, axis=1, reverse=True)
    return tf.exp(tf.minimum(by_rank - left, 0.0))
