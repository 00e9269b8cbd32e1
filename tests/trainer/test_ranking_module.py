"""The exported ranking model: answers per task, and the score that orders recommendations."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.ranking import RankingConfig, TaskConfig
from tests.trainer.small_bert import unit
from tests.trainer.small_world import SIZES, TEXT_DIM, make_corpus, make_queries
from trainer.calibration import PlattScaling
from trainer.graphs import graph_function
from trainer.ranking import RankingModel
from trainer.ranking_module import ORDER_SCORE, RankingModule
from trainer.ranking_statistics import CandidateTables

NUM_ITEMS, DIM, TEMPERATURE, VALUE_STD, MEAN = 6, 3, 0.25, 1.5, 3.0
TASKS = (
    TaskConfig(name="rating", kind="value"),
    TaskConfig(name="like", kind="value_at_least", threshold=4.0),
)
ROWS = tf.constant([[0, 3, NUM_ITEMS], [5, 1, 2]])
QUERY_EMBEDDINGS = tf.constant(unit(np.random.default_rng(6).normal(size=[2, DIM])), tf.float32)


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
    module.temperature = tf.Variable(TEMPERATURE)
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
    model.score(_queries(), QUERY_EMBEDDINGS, ROWS)
    return model


def _rank(model, loaded, **order_by):
    module = RankingModule(model, RankingConfig(tasks=TASKS, order_by=order_by), loaded)
    answers = module.rank(_queries(), QUERY_EMBEDDINGS, ROWS)
    return {name: answer.numpy() for name, answer in answers.items()}


def _oracles(model):
    """Scores of both tasks, and similarities."""
    scores = model.score(_queries(), QUERY_EMBEDDINGS, ROWS)
    candidates = model.embeddings.numpy()[ROWS]
    similarity = (candidates * QUERY_EMBEDDINGS.numpy()[:, np.newaxis]).sum(axis=-1)
    return scores["rating"].numpy(), scores["like"].numpy(), similarity


def test_values_as_they_are_and_logits_as_probabilities(model, retrieval):
    rating, like, _ = _oracles(model)
    answers = _rank(model, retrieval)
    assert set(answers) == {"rating", "like", ORDER_SCORE}
    np.testing.assert_allclose(answers["rating"], rating, atol=1e-5)
    np.testing.assert_allclose(answers["like"], 1 / (1 + np.exp(-like)), atol=1e-5)


def test_the_order_is_a_weighted_sum_on_the_scale_of_logits(model, retrieval):
    rating, like, similarity = _oracles(model)
    expected = 2.0 * similarity / TEMPERATURE + 0.5 * (rating - MEAN) / VALUE_STD - 1.5 * like
    answers = _rank(model, retrieval, retrieval=2.0, rating=0.5, like=-1.5)
    np.testing.assert_allclose(answers[ORDER_SCORE], expected, atol=1e-5)


def test_an_empty_id_is_an_unknown_item(model, retrieval):
    module = RankingModule(model, RankingConfig(tasks=TASKS), retrieval)
    rows = tf.fill(ROWS.shape, -1), tf.fill(ROWS.shape, NUM_ITEMS)
    empty, unknown = (module.rank(_queries(), QUERY_EMBEDDINGS, each) for each in rows)
    for name, values in unknown.items():
        np.testing.assert_array_equal(empty[name], values)


def test_what_is_not_named_weighs_nothing(model, retrieval):
    rating, _, similarity = _oracles(model)
    answers = _rank(model, retrieval, rating=1.0)
    np.testing.assert_allclose(answers[ORDER_SCORE], (rating - MEAN) / VALUE_STD, atol=1e-5)
    answers = _rank(model, retrieval, retrieval=1.0)
    np.testing.assert_allclose(answers[ORDER_SCORE], similarity / TEMPERATURE, atol=1e-5)


def test_calibrated_probabilities_and_scores_as_they_were(model, retrieval):
    _, like, _ = _oracles(model)
    module = RankingModule(model, RankingConfig(tasks=TASKS), retrieval, {"like": PlattScaling(0.5, -1.0)})
    answers = module.rank(_queries(), QUERY_EMBEDDINGS, ROWS)
    np.testing.assert_allclose(answers["like"], 1 / (1 + np.exp(1.0 - 0.5 * like)), atol=1e-5)
    np.testing.assert_allclose(answers["rating"], _oracles(model)[0], atol=1e-5)


def test_scores_of_the_tasks_on_one_scale(model, retrieval):
    """For what learns an order from them: standard deviations, and logits whatever the calibration."""
    rating, like, _ = _oracles(model)
    module = RankingModule(model, RankingConfig(tasks=TASKS), retrieval, {"like": PlattScaling(0.5, -1.0)})
    scores = module.task_scores(_queries(), QUERY_EMBEDDINGS, ROWS)
    assert set(scores) == {"rating", "like"}
    np.testing.assert_allclose(scores["rating"], (rating - MEAN) / VALUE_STD, atol=1e-5)
    np.testing.assert_allclose(scores["like"], like, atol=1e-5)


@pytest.mark.parametrize("architecture", ["shared_bottom", "mmoe", "ple"])
def test_the_exported_model_answers_alike(architecture, retrieval, tmp_path):
    config = RankingConfig(
        tasks=TASKS,
        order_by={"retrieval": 1.0, "like": 1.0},
        architecture=architecture,
        cross_layers=1,
        loss_weights="uncertainty",
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
