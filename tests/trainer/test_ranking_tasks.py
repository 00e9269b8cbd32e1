"""Losses and metrics of the tasks against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pipeline.config.ranking import TaskConfig
from trainer.ranking_tasks import ListwiseRanking, listwise_loss, ranking_task

CLICK = TaskConfig(name="click", kind="event", event_type="click", loss="listwise")
LABELS = np.array([1, 0, 0, 1, 1, 0, 0, 1], np.float32)
SCORES = np.array([0.5, 2.0, -1.0, 0.3, 0.1, -0.4, 1.5, 0.2], np.float32)
WEIGHTS = np.array([1, 1, 1, 1, 1, 2, 1, 0], np.float32)
# 7: a positive and two negatives; 3: two positives and a negative; 5: alone; 9: no weight.
LISTS = np.array([7, 7, 3, 3, 3, 7, 5, 9], np.int64)


def _oracle(labels, scores, weights, lists):
    total = 0.0
    for number in np.unique(lists):
        place = (lists == number) & (weights > 0)
        y, s, w = labels[place], scores[place].astype(np.float64), weights[place]
        if (y * w).sum() and ((1 - y) * w).sum():
            total -= (y * w * (s - np.log(np.exp(s).sum()))).sum()
    return total / len(labels)


def _loss(labels=LABELS, scores=SCORES, weights=WEIGHTS, lists=LISTS):
    return float(listwise_loss(*(tf.constant(x) for x in (labels, scores, weights, lists))))


class TestListwise:
    def test_equals_the_oracle(self):
        np.testing.assert_allclose(_loss(), _oracle(LABELS, SCORES, WEIGHTS, LISTS), rtol=1e-5)

    def test_does_not_depend_on_the_order_of_the_examples(self):
        order = np.random.default_rng(0).permutation(len(LABELS))
        shuffled = _loss(LABELS[order], SCORES[order], WEIGHTS[order], LISTS[order])
        np.testing.assert_allclose(shuffled, _loss(), rtol=1e-5)

    def test_one_number_more_for_a_list_changes_nothing(self):
        np.testing.assert_allclose(_loss(scores=SCORES + np.float32(LISTS == 7) * 10), _loss(), rtol=1e-4)

    def test_lists_that_say_nothing_of_an_order(self):
        assert _loss(labels=np.ones_like(LABELS)) == 0
        assert _loss(labels=np.zeros_like(LABELS)) == 0
        assert _loss(lists=np.arange(8)) == 0
        assert _loss(weights=np.zeros_like(WEIGHTS)) == 0

    def test_huge_scores_stay_finite(self):
        assert np.isfinite(_loss(scores=1e4 * SCORES))

    def test_gradients_are_finite_where_nothing_counts(self):
        scores = tf.constant(SCORES)
        with tf.GradientTape() as tape:
            tape.watch(scores)
            loss = listwise_loss(LABELS, scores, tf.zeros(8), tf.constant(LISTS))
        np.testing.assert_array_equal(tape.gradient(loss, scores), 0.0)

    def test_teaches_an_order_that_users_offsets_hide(self):
        """What users click depends on one number, beside an offset of theirs a hundred times as large."""
        rng = np.random.default_rng(1)
        lists = np.repeat(np.arange(50), 6)
        x = rng.normal(size=300).astype(np.float32)
        # One click a list, on the highest number: the offset does not matter.
        labels = np.zeros(300, np.float32)
        labels[np.arange(50) * 6 + x.reshape(50, 6).argmax(axis=1)] = 1
        shown = (x + 100 * rng.normal(size=50)[lists]).astype(np.float32)
        slope = tf.Variable(0.0)
        optimizer = tf_keras.optimizers.Adam(0.1)
        for _ in range(50):
            with tf.GradientTape() as tape:
                loss = listwise_loss(labels, slope * shown, tf.ones(300), tf.constant(lists))
            optimizer.apply_gradients([(tape.gradient(loss, slope), slope)])
        assert float(slope) > 1.0

    def test_the_task_keeps_its_metric(self):
        task = ranking_task(CLICK)
        assert isinstance(task, ListwiseRanking)
        loss = task(*(tf.constant(x) for x in (LABELS, SCORES, WEIGHTS, LISTS)))
        np.testing.assert_allclose(loss, _loss(), rtol=1e-6)
        (metric,) = task.metrics
        assert metric.name == "click_auc"
        assert 0 < float(metric.result()) < 1


@pytest.mark.parametrize(
    ("task", "metric"),
    [
        (TaskConfig(name="seconds", kind="dwell"), "seconds_rmse"),
        (TaskConfig(name="like", kind="value_at_least", threshold=4), "like_auc"),
    ],
)
def test_pointwise_tasks_are_those_of_tfrs(task, metric):
    made = ranking_task(task)
    loss = made(
        labels=LABELS[:, np.newaxis], predictions=SCORES[:, np.newaxis], sample_weight=WEIGHTS[:, np.newaxis]
    )
    logits = SCORES.astype(np.float64)
    expected = (logits - LABELS) ** 2 if task.is_regression else np.log1p(np.exp(logits)) - logits * LABELS
    np.testing.assert_allclose(loss, np.sum(expected * WEIGHTS), rtol=1e-5)
    assert [m.name for m in made.metrics if m.name.startswith(task.name)] == [metric]
