"""The ranking tasks through TFX's Evaluator: figures against scikit-learn, and what is refused."""

import re

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_absolute_error, mean_squared_error, roc_auc_score

from pipeline.config.evaluation import EvaluationConfig
from pipeline.config.ranking import TaskConfig
from pipeline.config.ranking_gate import RankingGateConfig
from pipeline.errors import InputError
from serving.evaluation_record import RankingFigures
from serving.ranking_evaluation.auc_metric import exact_auc
from serving.ranking_evaluation.evaluate import evaluate_ranking
from serving.ranking_evaluation.predictions import RankingPredictions, read_predictions
from serving.ranking_evaluation.tfma_config import eval_config
from serving.ranking_evaluation.user_auc import user_aucs
from tests.serving.ranking_evaluation.tfma_run import run_evaluator

# More than a block, so that TFMA puts blocks together.
NUM_EXAMPLES, NUM_USERS = 2500, 60
PROBABILITIES = ("like", "shuffled", "worse", "ruined", "lone")
TASKS = (
    TaskConfig(name="rating", kind="value"),
    *(TaskConfig(name=name, kind="event", event_type="click") for name in PROBABILITIES),
)
SLICES = ("user", "genre")
GATE = RankingGateConfig.model_validate(
    {
        "thresholds": {
            "rating": {
                "rmse": [{"at_most": 1.1, "lose_at_most": 0.0}, {"at_most": 0.5, "slice": {"genre": "电影"}}],
                "mae": {"at_most": 0.9},
                "mean_prediction": {"at_least": 3, "at_most": 4},
            },
            "like": {
                "auc": [{"at_least": 0.7, "lose_at_most": 0.0}, {"at_least": 0.7, "slice": {"user": "cold"}}],
                "user_auc": {"at_least": 0.7, "lose_at_most": 0.0},
                "log_loss": {"at_most": 0.65, "lose_at_most": 0.0},
                "calibration": {"at_least": 0.9, "at_most": 1.1},
            },
            "shuffled": {"auc": {"at_least": 0.7}, "user_auc": {"at_least": 0.7}},
            "worse": {
                "auc": {"at_least": 0.6, "lose_at_most": 0.01},
                "user_auc": {"at_least": 0.6, "lose_at_most": 0.01},
                "log_loss": {"lose_at_most": 0.01},
                "calibration": {"at_most": 1.1},
            },
            "ruined": {
                "auc": [
                    {"at_least": 0.6},
                    *({"at_least": 0.6, "slice": {"user": u}} for u in ("cold", "warm", "gone")),
                ]
            },
            "lone": {"auc": {"at_least": 0.0}},
        },
        # The rest is bound task by task.
        "min_auc": None,
        "max_loss": None,
    }
)
CONFIG = EvaluationConfig(ranking_samples=50)


def _predictions():
    """The judged model finds `like` and `rating`; the rest is spoilt, each task in its own way."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=NUM_EXAMPLES)
    p = 1 / (1 + np.exp(-x))
    click = (rng.random(NUM_EXAMPLES) < p).astype(np.float32)
    rating = np.clip(np.round(3.5 + x + rng.normal(size=NUM_EXAMPLES)), 1, 5)
    cold = rng.random(NUM_EXAMPLES) < 0.2
    noisy = 1 / (1 + np.exp(-(x + rng.normal(size=NUM_EXAMPLES))))
    weights = {task.name: np.ones(NUM_EXAMPLES) for task in TASKS}
    weights["like"] = (rng.random(NUM_EXAMPLES) < 0.7).astype(float)
    return RankingPredictions(
        users=rng.integers(0, NUM_USERS, NUM_EXAMPLES),
        labels={**dict.fromkeys(PROBABILITIES, click), "rating": rating, "lone": np.ones(NUM_EXAMPLES)},
        weights=weights,
        answers={
            "rating": 3.5 + 0.9 * x,
            "like": p,
            "shuffled": rng.permutation(p),
            "worse": noisy,
            "ruined": np.where(cold, rng.permutation(p), p),
            "lone": p,
        },
        previous={**dict.fromkeys(PROBABILITIES, p), "rating": 3.5 + 0.5 * x, "like": noisy},
        item_means={"rating": np.full(NUM_EXAMPLES, 3.4)},
        slices={
            "user": np.where(cold, "cold", "warm"),
            "genre": rng.choice(["电影", "comedy", ""], NUM_EXAMPLES),
        },
    )


@pytest.fixture(scope="module")
def predictions():
    return _predictions()


@pytest.fixture(scope="module")
def folder(predictions, tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictions")
    predictions.write(str(folder))
    return folder


@pytest.fixture(scope="module")
def evaluated(folder, tmp_path_factory):
    """One run of TFMA for all tests, and whether TFX blesses."""
    evaluation_dir, blessed = run_evaluator(folder, TASKS, GATE, SLICES, tmp_path_factory.mktemp("tfx"))
    return evaluate_ranking(str(folder), evaluation_dir, TASKS, GATE, CONFIG, SLICES, seed=0), blessed


def test_what_was_written_is_read(predictions, folder):
    read = read_predictions(str(folder), TASKS, SLICES)
    assert read.users.tolist() == predictions.users.tolist()
    for part in ("labels", "weights", "answers", "previous", "item_means"):
        expected, found = getattr(predictions, part), getattr(read, part)
        assert set(found) == set(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-6)
    for name, values in predictions.slices.items():
        assert [text.decode() for text in read.slices[name]] == values.tolist()


def _rows(predictions, task, feature, value):
    counted = predictions.weights[task] > 0
    return counted if feature == "overall" else counted & (predictions.slices[feature] == value)


@pytest.mark.parametrize(
    ("feature", "value"), [("overall", "all"), ("user", "cold"), ("user", "warm"), ("genre", "电影")]
)
def test_figures_are_those_of_scikit_learn(predictions, evaluated, feature, value):
    like, rating = (evaluated[0].figures[task][feature][value] for task in ("like", "rating"))
    rows = _rows(predictions, "like", feature, value)
    y, p = predictions.labels["like"][rows], predictions.answers["like"][rows]
    assert like.examples == rows.sum() < NUM_EXAMPLES
    expected = {
        "auc": roc_auc_score(y, p),
        "log_loss": log_loss(y, p),
        "calibration": p.sum() / y.sum(),
        "mean_label": y.mean(),
        "mean_prediction": p.mean(),
    }
    for name, figure in expected.items():
        np.testing.assert_allclose(like.metrics[name].value, figure, rtol=1e-5, err_msg=name)
    rows = _rows(predictions, "rating", feature, value)
    y, p = predictions.labels["rating"][rows], predictions.answers["rating"][rows]
    assert rating.examples == rows.sum()
    np.testing.assert_allclose(rating.metrics["rmse"].value, np.sqrt(mean_squared_error(y, p)), rtol=1e-5)
    np.testing.assert_allclose(rating.metrics["mae"].value, mean_absolute_error(y, p), rtol=1e-5)
    item_mean = np.sqrt(mean_squared_error(y, np.full(len(y), 3.4)))
    np.testing.assert_allclose(rating.baselines["item_mean"], item_mean, rtol=1e-5)


def test_the_auc_takes_ties_and_weights():
    rng = np.random.default_rng(6)
    labels, predictions = rng.integers(0, 2, 300), np.round(rng.random(300), 1)
    weights = rng.integers(0, 3, 300).astype(float)
    expected = roc_auc_score(labels, predictions, sample_weight=weights)
    np.testing.assert_allclose(exact_auc(labels, predictions, weights), expected)
    assert np.isnan(exact_auc(labels, predictions, np.zeros(300)))
    assert np.isnan(exact_auc(np.ones(300), predictions, weights))


def test_slices_are_those_with_a_value(evaluated):
    figures = evaluated[0].figures["rating"]
    assert {name: set(values) for name, values in figures.items()} == {
        "overall": {"all"},
        "user": {"cold", "warm"},
        "genre": {"电影", "comedy"},
    }


def test_everything_has_bounds_and_an_auc_within_users(predictions, evaluated):
    overall = evaluated[0].figures["like"]["overall"]["all"]
    assert isinstance(overall, RankingFigures)
    for name, figure in overall.metrics.items():
        assert figure.low < figure.value < figure.high, name
    rows = predictions.weights["like"] > 0
    expected = user_aucs(
        predictions.users[rows],
        predictions.labels["like"][rows],
        predictions.answers["like"][rows].astype(np.float32),
    )
    np.testing.assert_allclose(overall.metrics["user_auc"].value, expected.mean(), rtol=1e-6)
    assert evaluated[0].figures["like"]["user"]["cold"].metrics["auc"].low is None


def test_labels_of_one_kind_have_no_auc(evaluated):
    metrics = evaluated[0].figures["lone"]["overall"]["all"].metrics
    assert not {"auc", "user_auc"} & set(metrics)
    assert metrics["mean_label"].value == 1


def test_probabilities_have_bins(evaluated):
    assert set(evaluated[0].calibration) == set(PROBABILITIES)
    assert len(evaluated[0].calibration["like"]) == CONFIG.calibration_bins
    for part in evaluated[0].calibration["like"]:
        assert abs(part.mean_label - part.mean_prediction) < 0.12


def test_what_is_spoilt_is_refused_and_nothing_else(evaluated):
    evaluation, blessed = evaluated
    assert not blessed
    expected = [
        "auc of lone cannot be measured: its labels are all alike, or there are none",
        r"auc of ruined where user is cold is 0\.[45]\d+, below 0\.6",
        r"auc of shuffled is 0\.[45]\d+, below 0\.7",
        r"auc of worse is 0\.\d+ worse than the last bundle's, more than 1% of it",
        r"log_loss of worse is 0\.\d+ worse than the last bundle's, more than 1% of it",
        r"rmse of rating where genre is 电影 is \d\.\d+, above 0\.5",
        "there is a threshold where user is gone, and no example of it",
        r"user_auc of shuffled is 0\.[45]\d+, below 0\.7",
        r"user_auc of worse is 0\.\d+ worse than the last bundle's, more than 1% of it",
    ]
    said = sorted(evaluation.reasons)
    assert len(said) == len(expected), said
    for pattern, reason in zip(expected, said, strict=True):
        assert re.fullmatch(f"ranking: {pattern}", reason)


def test_what_holds_is_blessed_with_a_slice_and_a_change(folder, tmp_path):
    tasks = TASKS[1:2]
    kept = RankingGateConfig(thresholds={"like": GATE.thresholds["like"]}, min_auc=None)
    evaluation_dir, blessed = run_evaluator(folder, tasks, kept, ("user",), tmp_path)
    assert blessed
    assert evaluate_ranking(str(folder), evaluation_dir, tasks, kept, CONFIG, ("user",), seed=0).reasons == []


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        (
            {"at_least": 0.5, "slice": {"age": "old"}},
            "is of the slice feature 'age'; there are user, genre",
        ),
        ({"at_least": 0.5, "slice": {"user": "cold", "genre": "a"}}, "like.auc crosses the slice features"),
    ],
)
def test_a_slice_that_is_not_measured_is_refused(bound, message):
    gate = RankingGateConfig.model_validate({"thresholds": {"like": {"auc": bound}}})
    with pytest.raises(InputError, match=message):
        eval_config(TASKS, gate, SLICES)
