"""Embeddings of the corpus' texts, kept in three ways that must agree."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.small_world import TEXT_DIM, make_text_tower
from trainer import corpus_texts as module
from trainer.corpus_texts import CorpusTexts

TEXTS = np.array([b"ab c", b"", b"x y z u v w q", "电影".encode(), b"a"], dtype=object)
ROWS = tf.constant([3, 0, 0, len(TEXTS), 2], tf.int32)


@pytest.fixture(scope="module")
def tower():
    return make_text_tower()


@pytest.fixture(scope="module")
def cached(tower):
    return CorpusTexts(tower, TEXTS, cache_mb=1)


def test_rows_are_texts_and_the_last_one_is_empty(cached, tower):
    expected = tower(tf.constant([TEXTS[3], TEXTS[0], TEXTS[0], b"", TEXTS[2]]))
    np.testing.assert_allclose(cached.embed(ROWS), expected, atol=1e-6)


def test_without_the_cache_the_embeddings_are_the_same(cached, tower, caplog):
    with caplog.at_level(logging.WARNING, logger=module.__name__):
        uncached = CorpusTexts(tower, TEXTS, cache_mb=0)
    assert "more than text.cache_mb allows" in caplog.text
    np.testing.assert_allclose(uncached.embed(ROWS), cached.embed(ROWS), atol=1e-6)


def test_enough_memory_gives_no_warning(tower, caplog):
    CorpusTexts(tower, TEXTS, cache_mb=1)
    assert not [record for record in caplog.records if record.name.startswith("trainer")]


def test_nothing_frozen_means_nothing_cached_and_no_warning(caplog):
    tower = make_text_tower(trainable_layers=2)
    texts = CorpusTexts(tower, TEXTS, cache_mb=0)
    assert not [record for record in caplog.records if record.name.startswith("trainer")]
    np.testing.assert_allclose(texts.embed(ROWS), tower(tf.gather(np.append(TEXTS, b""), ROWS)), atol=1e-6)


def test_all_embeddings_are_those_of_the_rows(tower, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 4)  # so that the last batch is a smaller one
    texts = CorpusTexts(tower, TEXTS, cache_mb=1)
    everything = texts.embed_all()
    assert everything.shape == (len(TEXTS) + 1, TEXT_DIM)
    np.testing.assert_allclose(everything, texts.embed(tf.range(len(TEXTS) + 1)), atol=1e-6)


def test_freeze_keeps_the_embeddings_as_they_are():
    """Whatever becomes of the tower afterwards, and whether dropout is on."""
    tower = make_text_tower()
    texts = CorpusTexts(tower, TEXTS, cache_mb=1)
    before = texts.embed(ROWS).numpy()
    texts.freeze()
    np.testing.assert_allclose(texts.embed(ROWS), before, atol=1e-6)
    for variable in tower.trainable_variables:
        variable.assign_add(tf.random.normal(variable.shape))
    np.testing.assert_allclose(texts.embed(ROWS, training=True), before, atol=1e-6)
    np.testing.assert_allclose(texts.embed_all(), texts.embed(tf.range(len(TEXTS) + 1)))


def test_a_trained_layer_shows_in_the_embeddings():
    """Only the frozen layers' outputs are cached."""
    tower = make_text_tower()
    texts = CorpusTexts(tower, TEXTS, cache_mb=1)
    before = texts.embed(ROWS).numpy()
    for variable in tower.trainable_variables:
        variable.assign_add(tf.random.normal(variable.shape))
    after = texts.embed(ROWS).numpy()
    assert np.abs(after - before).max() > 1e-2
    np.testing.assert_allclose(after, tower(tf.gather(np.append(TEXTS, b""), ROWS)), atol=1e-6)


def test_items_that_share_a_text_share_the_work(tower):
    texts = np.array([b"a", b"ab c", b"a", b"a", b""], dtype=object)
    corpus = CorpusTexts(tower, texts, cache_mb=1)
    assert len(corpus.tokens) == 4  # three texts, and that of an unknown item
    rows = tf.range(6)
    embeddings = corpus.embed(rows).numpy()
    np.testing.assert_array_equal(embeddings[0], embeddings[2])
    np.testing.assert_array_equal(embeddings[4], embeddings[5])
    assert np.abs(embeddings[0] - embeddings[1]).max() > 1e-3
    np.testing.assert_allclose(corpus.embed_all(), embeddings, atol=1e-5)
