"""Noise in an order, so that not always the same items are shown."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_TINY = float(np.finfo(np.float32).tiny)


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
