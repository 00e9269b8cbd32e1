"""The tasks of the ranking model: each owns its loss and its metric."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_recommenders as tfrs
import tf_keras

from pipeline.config.ranking import TaskConfig

# Keras takes no mean over a batch where a strategy may have divided it.
_SUM = tf_keras.losses.Reduction.SUM


class ListwiseRanking(tf_keras.layers.Layer):
    """Judges how the examples of each list are ordered, and no list against another.

    A list is what one user has in the batch, so that training takes neighbouring examples of the log
    together (see :func:`trainer.input_fn.interactions_dataset`): what was shown at a time, or rated in one
    sitting. The scores that it teaches are good to within one number a user, so they are no logits; what
    calibration makes of them are probabilities.
    """

    def __init__(self, name: str):
        """Initializes the task.

        Args:
          name: Of the task.
        """
        super().__init__(name=f"{name}_task")
        self._auc = tf_keras.metrics.AUC(from_logits=True, name=f"{name}_auc")

    def call(
        self, labels: tf.Tensor, predictions: tf.Tensor, sample_weight: tf.Tensor, lists: tf.Tensor
    ) -> tf.Tensor:
        """The loss of a batch, by :func:`listwise_loss`; brings the metric up to date."""
        self._auc.update_state(labels, predictions, sample_weight)
        return listwise_loss(labels, predictions, sample_weight, lists)


def ranking_task(task: TaskConfig) -> tf_keras.layers.Layer:
    """Loss and metric of a task: a :class:`ListwiseRanking`, or TFRS' pointwise one.

    The pointwise loss is the square error or the cross-entropy, summed over the batch.
    """
    if task.loss == "listwise":
        return ListwiseRanking(task.name)
    if task.is_regression:
        return tfrs.tasks.Ranking(
            loss=tf_keras.losses.MeanSquaredError(reduction=_SUM),
            metrics=[tf_keras.metrics.RootMeanSquaredError(name=f"{task.name}_rmse")],
        )
    return tfrs.tasks.Ranking(
        loss=tf_keras.losses.BinaryCrossentropy(from_logits=True, reduction=_SUM),
        metrics=[tf_keras.metrics.AUC(from_logits=True, name=f"{task.name}_auc")],
    )


def listwise_loss(labels: tf.Tensor, scores: tf.Tensor, weights: tf.Tensor, lists: tf.Tensor) -> tf.Tensor:
    """Softmax cross-entropy over the examples of each list (ListNet's top one; Cao et al. 2007).

    Lists without a positive, and without a negative, say nothing of an order.

    Args:
      labels: [B] float32, 0 or 1.
      scores: [B] float32.
      weights: [B] float32; an example without weight is in no list.
      lists: [B] int64, which list an example is of.

    Returns:
      A scalar: over the lists' positives, the sum of -log(share of the positive in its list's softmax),
      divided by the number of examples of the batch as the other losses are.
    """
    _, numbers = tf.unique(lists)
    count = tf.size(labels)
    counted = weights > 0

    def sums(x: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.math.unsorted_segment_sum(x, numbers, count), numbers)

    masked = tf.where(counted, scores, scores.dtype.min)
    # Of the list, so that no exponential overflows; a list of which nothing counts has the lowest number.
    highest = tf.stop_gradient(tf.gather(tf.math.unsorted_segment_max(masked, numbers, count), numbers))
    shifted = tf.where(counted, scores - highest, 0.0)
    total = sums(tf.where(counted, tf.exp(shifted), 0.0))
    log_shares = shifted - tf.math.log(tf.where(counted, total, 1.0))
    positives = labels * weights
    has_both = (sums(positives) > 0) & (sums((1.0 - labels) * weights) > 0)
    losses = tf.where(has_both & counted, -positives * log_shares, 0.0)
    return tf.reduce_sum(losses) / tf.cast(tf.maximum(count, 1), tf.float32)
