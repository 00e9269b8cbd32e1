"""Mixed precision: when it is taken, and that it stays inside the layers."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pipeline.config.ranking import RankingConfig, TaskConfig
from tests.trainer.killed_training import BATCH, examples, make_model
from tests.trainer.small_world import SIZES, TEXT_DIM, make_corpus
from trainer.precision import FLOAT32, MIXED, Accelerator, computing_in, policy_name
from trainer.randomness import seed_everything
from trainer.ranking import RankingModel
from trainer.ranking_statistics import CandidateTables
from trainer.retrieval_module import directions

TURING, AMPERE = Accelerator("GPU", (7, 5)), Accelerator("GPU", (8, 6))


@pytest.mark.parametrize(
    ("precision", "devices", "expected"),
    [
        ("auto", [], FLOAT32),
        ("auto", [TURING], FLOAT32),
        ("auto", [AMPERE], MIXED),
        ("auto", [Accelerator("GPU", (10, 0))], MIXED),
        ("auto", [AMPERE, TURING], FLOAT32),
        ("auto", [Accelerator("GPU")], FLOAT32),
        ("auto", [Accelerator("TPU")], MIXED),
        ("mixed", [], MIXED),
        ("mixed", [TURING], MIXED),
        ("float32", [AMPERE], FLOAT32),
    ],
)
def test_the_choice(precision, devices, expected):
    assert policy_name(precision, devices) == expected


def test_the_policy_holds_inside_alone():
    before = tf_keras.mixed_precision.global_policy().name
    with computing_in("mixed"):
        assert tf_keras.mixed_precision.global_policy().name == MIXED
        with computing_in("float32"):
            assert tf_keras.mixed_precision.global_policy().name == FLOAT32
        assert tf_keras.mixed_precision.global_policy().name == MIXED
    assert tf_keras.mixed_precision.global_policy().name == before == FLOAT32


def _trained(precision):
    """A model after two epochs, and its losses."""
    seed_everything(0)
    with computing_in(precision):
        model = make_model("top")
        model.compile(optimizer=tf_keras.optimizers.Adam(0.02))
        batches = tf.data.Dataset.from_tensor_slices(examples()).batch(BATCH)
        history = model.fit(batches, epochs=2, verbose=0).history
        model.freeze_texts()
        model.refresh_corpus_embeddings()
    return model, history["loss"]


@pytest.fixture(scope="module")
def trained():
    return {precision: _trained(precision) for precision in ("mixed", "float32")}


def test_a_mixed_training_learns_what_another_does(trained):
    (mixed, losses), (exact, exact_losses) = trained["mixed"], trained["float32"]
    assert losses[1] < losses[0]
    np.testing.assert_allclose(losses, exact_losses, rtol=0.05)
    assert {variable.dtype for variable in mixed.variables} == {tf.float32}
    assert len(mixed.variables) == len(exact.variables)
    # It did compute in another precision.
    assert mixed.candidate_tower.compute_dtype == "bfloat16"


def test_saved_and_loaded_it_answers_near_float32(trained, tmp_path):
    """With the same weights; outputs are float32, their directions of length one over the temperature."""
    mixed, exact = trained["mixed"][0], trained["float32"][0]
    for target, source in zip(exact.variables, mixed.variables, strict=True):
        target.assign(source)
    queries = {n: tf.constant(v[:16]) for n, v in examples().items() if n != "item_id"}
    module = tf.Module()
    module.model = mixed
    specs = {name: tf.TensorSpec.from_tensor(value) for name, value in queries.items()}
    module.embed = tf.function(mixed.query_embeddings, input_signature=[specs], autograph=False)
    tf.saved_model.save(module, str(tmp_path))
    module = tf.saved_model.load(str(tmp_path))
    loaded = module.embed(queries)
    expected = exact.query_embeddings(queries)
    assert loaded.dtype == tf.float32
    np.testing.assert_allclose(np.linalg.norm(loaded[:, :-1], axis=1), 1.0 / mixed.temperature, rtol=1e-5)
    # bfloat16 has 8 bits.
    np.testing.assert_allclose(directions(loaded), directions(expected), atol=0.03)
    np.testing.assert_allclose(loaded[:, -1], expected[:, -1], rtol=0.03)
    assert np.abs(loaded - expected).max() > 1e-5
    rows = tf.range(8)
    candidates = mixed.corpus_candidates(rows)
    assert candidates.dtype == tf.float32
    # Each has the texts' embeddings that it froze.
    cosines = np.sum(directions(candidates) * directions(exact.corpus_candidates(rows)), axis=1)
    assert (cosines > 0.98).all()


def test_scores_of_a_mixed_ranking_model_are_float32():
    corpus = make_corpus(5)
    rng = np.random.default_rng(0)
    tables = CandidateTables(
        embeddings=rng.normal(size=[6, 8]).astype(np.float32),
        text_embeddings=rng.normal(size=[6, TEXT_DIM]).astype(np.float32),
        attributes=corpus.features,
        counts=np.ones(6),
        value_sums=np.ones(6),
    )
    config = RankingConfig(
        tasks=(
            TaskConfig(name="rating", kind="value"),
            TaskConfig(name="like", kind="value_at_least", threshold=1),
        )
    )
    batch = {name: tf.constant(values[:8]) for name, values in examples().items()}
    batch["history_item_ids"] %= 5
    embeddings = tf.random.normal([8, 8])
    models, scores = [], []
    for precision in ("mixed", "float32"):
        seed_everything(0)
        with computing_in(precision):
            models.append(RankingModel(config, SIZES, tables, 1.0))
            models[-1].score(batch, embeddings, tf.constant([[0, 1]] * 8))
    for target, source in zip(models[1].variables, models[0].variables, strict=True):
        target.assign(source)
    for model in models:
        scores.append(model.score(batch, embeddings, tf.constant([[0, 1]] * 8)))
    for name in ("rating", "like"):
        assert scores[0][name].dtype == tf.float32
        np.testing.assert_allclose(scores[0][name], scores[1][name], atol=0.1)
        assert np.abs(scores[0][name] - scores[1][name]).max() > 1e-5
