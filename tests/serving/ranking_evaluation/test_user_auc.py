"""AUCs within users, and what is worked out beside TFMA, against scikit-learn and NumPy."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from pipeline.config.ranking import TaskConfig
from serving.ranking_evaluation.calibration_bins import calibration_bins
from serving.ranking_evaluation.user_auc import user_aucs
from serving.ranking_evaluation.user_bootstrap import user_bounds
from serving.ranking_evaluation.weighted_figures import weighted_figures

LIKE = TaskConfig(name="like", kind="value_at_least", threshold=4.0)
RATING = TaskConfig(name="rating", kind="value")
NUM_USERS, NUM_EXAMPLES = 30, 400


@pytest.fixture
def examples():
    """Users in no order, many ties, and users with labels of one kind only."""
    rng = np.random.default_rng(0)
    users = rng.integers(0, NUM_USERS, NUM_EXAMPLES)
    labels = (rng.random(NUM_EXAMPLES) < 0.3).astype(np.float32)
    labels[users < 3] = 1.0
    labels[users == 7] = 0.0
    predictions = np.round(np.clip(0.2 * labels + 0.8 * rng.random(NUM_EXAMPLES), 0, 1), 1)
    return users, labels, predictions.astype(np.float32)


def _oracle(users, labels, predictions):
    """Each user alone, by scikit-learn: AUC and number of examples."""
    found = {}
    for user in np.unique(users):
        own = users == user
        if len(np.unique(labels[own])) == 2:
            found[user] = roc_auc_score(labels[own], predictions[own]), own.sum()
    return found


def test_each_user_and_the_mean_by_examples(examples):
    expected = _oracle(*examples)
    found = user_aucs(*examples)
    assert found.users.tolist() == list(expected)
    assert not {0, 1, 2, 7} & set(found.users)
    np.testing.assert_allclose(found.aucs, [auc for auc, _ in expected.values()])
    assert found.examples.tolist() == [count for _, count in expected.values()]
    mean = np.average([auc for auc, _ in expected.values()], weights=[n for _, n in expected.values()])
    np.testing.assert_allclose(found.mean(), mean)


def test_a_user_drawn_twice_counts_twice(examples):
    weights = np.random.default_rng(1).integers(0, 3, NUM_USERS)
    expected = _oracle(*examples)
    counts = [count * weights[user] for user, (_, count) in expected.items()]
    mean = np.average([auc for auc, _ in expected.values()], weights=counts)
    np.testing.assert_allclose(user_aucs(*examples).mean(weights), mean)


@pytest.mark.parametrize("labels", [[], [1.0, 1.0], [0.0]])
def test_without_both_labels_there_is_no_mean(labels):
    users = np.zeros(len(labels), np.int64)
    assert np.isnan(user_aucs(users, np.array(labels), np.ones(len(labels))).mean())


def _repeated(weights, users, *columns):
    times = weights[users].astype(int)
    return [np.repeat(column, times) for column in columns]


def test_weighted_probabilities_are_those_of_repeated_users(examples):
    users, labels, predictions = examples
    weights = np.random.default_rng(2).integers(0, 4, NUM_USERS).astype(float)
    found = weighted_figures(LIKE, users, labels, predictions)(weights)
    y, p = (x.astype(float) for x in _repeated(weights, users, labels, predictions))
    expected = {
        "auc": roc_auc_score(y, p),
        "log_loss": log_loss(y, np.clip(p, 1e-7, 1 - 1e-7)),
        "calibration": p.mean() / y.mean(),
        "mean_label": y.mean(),
        "mean_prediction": p.mean(),
    }
    assert set(found) == {*expected, "user_auc"}
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, err_msg=name)


def test_weighted_numbers_are_those_of_repeated_users(examples):
    users, _, predictions = examples
    labels = np.random.default_rng(3).integers(1, 6, NUM_EXAMPLES).astype(np.float32)
    weights = np.random.default_rng(4).integers(0, 4, NUM_USERS).astype(float)
    found = weighted_figures(RATING, users, labels, predictions)(weights)
    y, p = (x.astype(float) for x in _repeated(weights, users, labels, predictions))
    assert set(found) == {"rmse", "mae", "mean_label", "mean_prediction"}
    np.testing.assert_allclose(found["rmse"], np.sqrt(np.mean((y - p) ** 2)))
    np.testing.assert_allclose(found["mae"], np.mean(np.abs(y - p)))


def test_bounds_hold_the_figure_and_are_those_of_users():
    """Examples of a user are alike: the mean of 50 users' labels is as sure as 50 draws, not as 5000."""
    rng = np.random.default_rng(5)
    users = np.repeat(np.arange(50), 100)
    labels = np.repeat(rng.normal(size=50), 100)
    figures = weighted_figures(RATING, users, labels, labels)
    bounded = user_bounds(figures, users, seed=0, resamples=400)["mean_label"]
    expected = 1.96 * labels.std() / np.sqrt(50)
    assert bounded.low < bounded.value < bounded.high
    np.testing.assert_allclose((bounded.high - bounded.low) / 2, expected, rtol=0.15)
    assert user_bounds(figures, users, seed=0, resamples=400)["mean_label"] == bounded


def test_what_cannot_be_measured_has_no_bounds():
    users = np.array([0, 4])
    found = user_bounds(weighted_figures(LIKE, users, np.ones(2), np.array([0.5, 0.7])), users, 0, 10)
    assert not {"auc", "user_auc"} & set(found)
    np.testing.assert_allclose(found["calibration"].value, 0.6)


def test_bins_of_equal_counts_from_low_to_high(examples):
    _, labels, predictions = examples
    bins = calibration_bins(predictions, labels, 7)
    assert {part.examples for part in bins} == {NUM_EXAMPLES // 7, NUM_EXAMPLES // 7 + 1}
    means = [part.mean_prediction for part in bins]
    assert means == sorted(means)
    assert sum(part.examples for part in bins) == NUM_EXAMPLES
    np.testing.assert_allclose(sum(part.examples * part.mean_label for part in bins), labels.sum())
    order = np.argsort(predictions, kind="stable")[: bins[0].examples]
    np.testing.assert_allclose(bins[0].mean_label, labels[order].mean(), rtol=1e-6)


def test_few_examples_make_few_bins():
    assert len(calibration_bins(np.array([0.2, 0.1]), np.array([1.0, 0.0]), 10)) == 2
    assert calibration_bins(np.zeros(0), np.zeros(0), 10) == ()
