"""Low-rank updates of the text tower: nothing at first, an oracle after, merged at the end."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from pipeline.config.text import TextTowerConfig
from tests.trainer.small_bert import HEADS, HIDDEN, LAYERS, forward, random_tensors, unit
from trainer.bert_weights import load_bert
from trainer.corpus_texts import CorpusTexts
from trainer.lora import Lora
from trainer.text_tower import TextTower, build_text_tower

RANK, ALPHA = 2, 6.0
TEXTS = np.array([b"abc", "电影 a".encode(), b"x y z", b"q"], dtype=object)


@pytest.fixture
def tower(bert_dir):
    return TextTower(load_bert(bert_dir), 10, 1, Lora(RANK, ALPHA, seed=3))


def _disturb(tower):
    rng = np.random.default_rng(0)
    for variable in tower.trainable_variables:
        variable.assign(rng.normal(size=variable.shape, scale=0.5))


def test_only_the_updates_are_trained(tower, bert_dir):
    assert [v.shape.as_list() for v in tower.trainable_variables] == [
        [HIDDEN, RANK],
        [RANK, HEADS, HIDDEN // HEADS],
    ] * (2 * LAYERS)
    plain = TextTower(load_bert(bert_dir), 10, 1)
    assert len(tower.non_trainable_variables) == len(plain.variables)


def test_at_first_nothing_is_changed(tower, bert_dir):
    plain = TextTower(load_bert(bert_dir), 10, 1)
    np.testing.assert_allclose(tower(tf.constant(TEXTS)), plain(tf.constant(TEXTS)), atol=1e-6)


def test_the_updates_equal_the_oracle(tower):
    """BERT's forward pass with W + alpha / rank * A B in place of query's and value's W."""
    _disturb(tower)
    tensors = random_tensors()
    updates = iter(tower.trainable_variables)
    for layer in range(LAYERS):
        for name in ("query", "value"):
            down, up = next(updates).numpy(), next(updates).numpy().reshape(RANK, HIDDEN)
            tensors[f"encoder.layer.{layer}.attention.self.{name}.weight"] += ALPHA / RANK * (down @ up).T
    tokens = tower.tokenize(tf.constant(TEXTS)).numpy()
    outputs, present = forward(tensors, tokens), tokens > 0
    expected = unit(np.stack([outputs[i][present[i]].mean(axis=0) for i in range(len(TEXTS))]))
    np.testing.assert_allclose(tower(tf.constant(TEXTS)), expected, atol=5e-5)
    before = tower(tf.constant(TEXTS)).numpy()
    tower.merge()
    np.testing.assert_allclose(tower(tf.constant(TEXTS)), before, atol=1e-5)


def test_merged_the_tower_is_as_if_there_had_been_no_updates(tower, bert_dir):
    """The same operations, so that serving costs nothing; and merging again changes nothing."""
    _disturb(tower)
    tower.merge()
    merged = tower(tf.constant(TEXTS)).numpy()
    tower.merge()
    np.testing.assert_array_equal(tower(tf.constant(TEXTS)), merged)
    assert not tower.trainable_variables
    plain = TextTower(load_bert(bert_dir), 10, LAYERS)
    assert len(tower.variables) == len(plain.variables)
    spec = [tf.TensorSpec([None], tf.string)]
    graphs = [tf.function(t.call, input_signature=spec, autograph=False) for t in (tower, plain)]
    sizes = [len(graph.get_concrete_function().graph.get_operations()) for graph in graphs]
    assert sizes[0] == sizes[1]


def test_saved_and_loaded_it_answers_alike(tower, tmp_path):
    _disturb(tower)
    tower.merge()
    module = tf.Module()
    module.tower = tower
    spec = tf.TensorSpec([None], tf.string)
    module.embed = tf.function(tower.call, input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.embed(tf.constant(TEXTS)), tower(tf.constant(TEXTS)), atol=1e-6)


def test_every_update_learns(tower):
    """Texts are told apart by a direction; the base does not move."""
    base = [v.numpy() for v in tower.non_trainable_variables]
    target = unit(np.random.default_rng(0).normal(size=[len(TEXTS), HIDDEN])).astype(np.float32)
    optimizer = tf_keras.optimizers.Adam(0.05)
    losses, start = [], [v.numpy() for v in tower.trainable_variables]
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(tower(tf.constant(TEXTS)) - target))
        variables = tower.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        losses.append(float(loss))
    assert losses[-1] < 0.6 * losses[0]
    assert all(np.abs(v - s).max() > 1e-3 for v, s in zip(tower.trainable_variables, start, strict=True))
    for variable, value in zip(tower.non_trainable_variables, base, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_the_corpus_keeps_nothing_until_training_ends(tower, caplog):
    corpus = CorpusTexts(tower, TEXTS, cache_mb=0)
    assert not caplog.records  # nothing could be kept, so nothing is said
    rows = tf.range(len(TEXTS))
    before = corpus.embed(rows).numpy()
    _disturb(tower)
    trained = corpus.embed(rows).numpy()
    assert np.abs(trained - before).max() > 1e-2
    corpus.freeze()
    assert not tower.trainable_variables
    np.testing.assert_allclose(corpus.embed(rows), trained, atol=1e-5)
    np.testing.assert_allclose(tower(tf.constant(TEXTS)), trained, atol=1e-5)


@pytest.mark.parametrize(
    ("training", "expected"), [("frozen", 0), ("top", 16), ("all", 16 * LAYERS + 5), ("lora", 4 * LAYERS)]
)
def test_what_a_configuration_trains(bert_dir, tmp_path, monkeypatch, training, expected):
    monkeypatch.setenv("RECSTACK_CACHE", str(tmp_path))
    config = TextTowerConfig(weights=str(bert_dir), max_tokens=8, training=training)
    assert len(build_text_tower(config, seed=0).trainable_variables) == expected


def test_start_values_follow_the_seed(bert_dir):
    def down(seed):
        tower = TextTower(load_bert(bert_dir), 10, 1, Lora(RANK, ALPHA, seed))
        return [v.numpy() for v in tower.trainable_variables[::2]]

    first, again, other = down(1), down(1), down(2 * LAYERS + 1)
    np.testing.assert_array_equal(first, again)
    assert all(np.abs(a - b).max() > 1e-2 for a, b in zip(first, other, strict=True))
    assert np.abs(first[0] - first[1]).max() > 1e-2  # no two share theirs
