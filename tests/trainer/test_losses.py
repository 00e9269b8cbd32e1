"""Losses of retrieval, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.losses import LOSSES, bpr_loss, softmax_loss

LOGITS = np.random.default_rng(0).normal(size=[6, 5], scale=2.0).astype(np.float32)
LABELS = np.array([0, 4, 2, 2, 1, 3], np.int32)
POSITIVES = LOGITS[np.arange(6), LABELS]


def test_softmax_equals_the_log_softmax():
    expected = np.log(np.exp(LOGITS.astype(np.float64)).sum(axis=1)) - POSITIVES
    np.testing.assert_allclose(softmax_loss(tf.constant(LOGITS), tf.constant(LABELS)), expected, rtol=1e-5)


def test_bpr_is_the_mean_over_rivals():
    losses = bpr_loss(tf.constant(LOGITS), tf.constant(LABELS)).numpy()
    for row, label in enumerate(LABELS):
        rivals = np.delete(LOGITS[row], label).astype(np.float64)
        np.testing.assert_allclose(
            losses[row], -np.log(1 / (1 + np.exp(rivals - POSITIVES[row]))).mean(), rtol=1e-4
        )


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
class TestEveryLoss:
    def test_a_positive_without_rivals_has_nothing_to_learn(self, loss):
        losses = loss(tf.constant([[3.0], [-2.0]]), tf.constant([0, 0]))
        np.testing.assert_allclose(losses, 0.0, atol=1e-6)

    def test_only_differences_count(self, loss):
        moved = loss(tf.constant(LOGITS + 7.0), tf.constant(LABELS))
        np.testing.assert_allclose(moved, loss(tf.constant(LOGITS), tf.constant(LABELS)), rtol=1e-4)

    def test_a_better_positive_loses_less(self, loss):
        better = LOGITS.copy()
        better[np.arange(6), LABELS] += 1.0
        losses = [loss(tf.constant(x), tf.constant(LABELS)).numpy() for x in (better, LOGITS)]
        assert (losses[0] < losses[1]).all()

    def test_extreme_scores_are_finite(self, loss):
        logits = tf.Variable([[1e4, -1e4, 0.0]])
        for label in range(3):
            with tf.GradientTape() as tape:
                value = loss(logits, tf.constant([label]))
            assert np.isfinite(value).all()
            assert np.isfinite(tape.gradient(value, logits)).all()
