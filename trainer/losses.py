"""Losses of retrieval: how positives are weighed against the candidates of a step."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def softmax_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of a softmax over the candidates.

    Args:
      logits: [M, K] scores, corrected for how the candidates were drawn.
      labels: [M] int32 column of each positive.

    Returns:
      [M].
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def bpr_loss(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """How surely the positive beats each candidate, one by one (Rendle et al. 2009), a mean over them.

    See :func:`softmax_loss`.
    """
    positive = tf.gather(logits, labels, batch_dims=1)[:, tf.newaxis]
    losses = tf.nn.softplus(logits - positive)
    others = tf.cast(tf.shape(logits)[1] - 1, logits.dtype)
    # The positive against itself is log 2, and no rival.
    return tf.math.divide_no_nan(tf.reduce_sum(losses, axis=1) - tf.math.log(2.0), others)


LOSSES: dict[str, Loss] = {"softmax": softmax_loss, "bpr": bpr_loss}
