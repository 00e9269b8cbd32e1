"""The exported ranking model: answers per task, and scores on one scale."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.ranking import RankingConfig, TaskConfig
from tests.trainer.small_bert import unit
from tests.trainer.small_world import SIZES, TEXT_DIM, make_corpus, make_queries
from trainer.calibration import PlattScaling
from trainer.graphs import graph_function
from trainer.ranking import RankingModel
from trainer.ranking_module import RankingModule
from trainer.ranking_statistics import CandidateTables

NUM_ITEMS, DIM, VALUE_STD, MEAN = 6, 3, 1.5, 3.0
TASKS = (
    TaskConfig(name="rating", kind="value"),
    TaskConfig(name="like", kind="value_at_least", threshold=4.0),
)
ROWS = tf.constant([[0, 3, NUM_ITEMS], [5, 1, 2]])
DIRECTIONS = tf.constant(unit(np.random.default_rng(6).normal(size=[2, DIM])), tf.float32)
# As the query tower gives them: over the temperature, and with the weight of popularity.
QUERY_EMBEDDINGS = tf.concat([DIRECTIONS / 0.25, [[0.7], [3.0]]], axis=1)


def _queries():
    histories = np.int32([[1, 3, -1, -1], [-1, -1, -1, -1]])
    values = np.float32([[5, 1, 0, 0], [0, 0, 0, 0]])
    queries = {**make_queries(2), "history_item_ids": histories, "history_values": values}
    return {name: tf.constant(x) for name, x in queries.items()}


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory):
    """What a ranking module takes from a retrieval model, saved and loaded."""
    specs = {name: tf.TensorSpec([None, *x.shape[1:]], x.dtype, name=name) for name, x in _queries().items()}
    module = tf.Module()
    module.queries = tf.Module()
    module.queries.encode_queries = graph_function(
        lambda features: tf.cast(features["history_item_ids"], tf.float32)[:, :DIM], input_signature=[specs]
    )
    folder = str(tmp_path_factory.mktemp("retrieval"))
    tf.saved_model.save(module, folder)
    return tf.saved_model.load(folder)


@pytest.fixture(scope="module")
def model():
    return _model(RankingConfig(tasks=TASKS, hidden_dims=(5,)))


def _model(config):
    rng = np.random.default_rng(0)
    counts = np.full(NUM_ITEMS + 1, 2.0)
    embeddings = unit(rng.normal(size=[NUM_ITEMS + 1, DIM])).astype(np.float32)
    texts = rng.normal(size=[NUM_ITEMS + 1, TEXT_DIM]).astype(np.float32)
    tables = CandidateTables(embeddings, texts, make_corpus(NUM_ITEMS).features, counts, MEAN * counts)
    model = RankingModel(config, SIZES, tables, VALUE_STD)
    model.score(_queries(), DIRECTIONS, ROWS)
    return model


@pytest.fixture
def module(model, retrieval):
    return RankingModule(model, RankingConfig(tasks=TASKS), retrieval)


def _oracles(model):
    """The model's own scores of both tasks, by directions."""
    scores = model.score(_queries(), DIRECTIONS, ROWS)
    return scores["rating"].numpy(), scores["like"].numpy()


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_values_as_they_are_and_logits_as_probabilities(model, module):
    rating, like = _oracles(model)
    answers = module.rank(_queries(), QUERY_EMBEDDINGS, ROWS)
    assert set(answers) == {"rating", "like"}
    np.testing.assert_allclose(answers["rating"], rating, atol=1e-5)
    np.testing.assert_allclose(answers["like"], _sigmoid(like), atol=1e-5)


def test_scores_of_tasks_are_on_the_scale_of_logits(model, module):
    rating, like = _oracles(model)
    scores = module.task_scores(_queries(), QUERY_EMBEDDINGS, ROWS)
    np.testing.assert_allclose(scores["rating"], (rating - MEAN) / VALUE_STD, atol=1e-5)
    np.testing.assert_allclose(scores["like"], like, atol=1e-5)


@pytest.fixture
def calibrated(model, retrieval):
    calibrations = {"like": PlattScaling(slope=0.5, intercept=-1.0)}
    return RankingModule(model, RankingConfig(tasks=TASKS), retrieval, calibrations)


def test_estimates_of_scores_are_what_is_answered(calibrated):
    scores = calibrated.task_scores(_queries(), QUERY_EMBEDDINGS, ROWS)
    answers = calibrated.rank(_queries(), QUERY_EMBEDDINGS, ROWS)
    estimates = calibrated.estimates(scores)
    assert set(estimates) == set(answers)
    for name, answer in answers.items():
        np.testing.assert_allclose(estimates[name], answer, rtol=1e-5)


def test_calibration_changes_probabilities_and_no_scores(model, calibrated):
    rating, like = _oracles(model)
    module = calibrated
    answers = module.rank(_queries(), QUERY_EMBEDDINGS, ROWS)
    np.testing.assert_allclose(answers["like"], _sigmoid(0.5 * like - 1.0), atol=1e-5)
    np.testing.assert_allclose(answers["rating"], rating, atol=1e-5)
    scores = module.task_scores(_queries(), QUERY_EMBEDDINGS, ROWS)
    np.testing.assert_allclose(scores["like"], like, atol=1e-5)


def test_temperature_and_popularity_of_a_query_do_not_matter(module):
    other = tf.concat([DIRECTIONS * 100.0, [[0.0], [-1.0]]], axis=1)
    answers = module.rank(_queries(), other, ROWS)
    for name, answer in module.rank(_queries(), QUERY_EMBEDDINGS, ROWS).items():
        np.testing.assert_allclose(answers[name], answer, atol=1e-5)


def test_an_empty_id_is_an_unknown_item(module):
    rows = tf.fill(ROWS.shape, -1), tf.fill(ROWS.shape, NUM_ITEMS)
    empty, unknown = (module.rank(_queries(), QUERY_EMBEDDINGS, each) for each in rows)
    for name, values in unknown.items():
        np.testing.assert_array_equal(empty[name], values)


@pytest.mark.parametrize("architecture", ["shared_bottom", "mmoe", "ple"])
def test_the_exported_model_answers_alike(architecture, retrieval, tmp_path):
    config = RankingConfig(
        tasks=TASKS, architecture=architecture, cross_layers=1, loss_weights="uncertainty", hidden_dims=(5,)
    )
    module = RankingModule(_model(config), config, retrieval, {"like": PlattScaling(0.5, -1.0)})
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))  # kept, or its variables would go
    for name in ("rank", "task_scores"):
        again = getattr(loaded, name)(_queries(), QUERY_EMBEDDINGS, ROWS)
        answers = getattr(module, name)(_queries(), QUERY_EMBEDDINGS, ROWS)
        assert set(again) == set(answers)
        for task, answer in answers.items():
            np.testing.assert_allclose(again[task], answer, atol=1e-6)
