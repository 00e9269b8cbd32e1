"""A corpus with added items, and what the trained parts make of them."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from pipeline.config.collaborative import EaseConfig, ItemKnnConfig, PopularityConfig
from serving.added_items import AddedItems
from serving.extended_collaborative import ExtendedCollaborative
from serving.extended_corpus import ExtendedCorpus, before_the_last_row
from serving.extended_ranking import ExtendedRanking
from trainer.collaborative.collaborative_module import CollaborativeModule
from trainer.collaborative.interaction_matrix import interaction_matrix
from trainer.collaborative.train_collaborative import fit_source

NUM_TRAINED, DIM = 5, 3
IDS = ["a", "b", "c", "d", "ü"]
EMBEDDINGS = np.arange((NUM_TRAINED + 1) * DIM, dtype=np.float32).reshape(-1, DIM)
ADDED = AddedItems(
    pa.table({"item_id": ["new", "né w"], "title": ["One", ""]}),
    np.full([2, DIM], 100, np.float32),
    np.zeros([2, 4], np.float32),
)


@pytest.fixture
def corpus(tmp_path):
    trained = SimpleNamespace(
        item_ids=tf.Variable([item_id.encode() for item_id in IDS]),
        titles=tf.Variable([b"t"] * NUM_TRAINED),
        embeddings=tf.Variable(EMBEDDINGS),
    )
    return ExtendedCorpus(trained, ADDED, tmp_path)


def test_added_items_follow_and_the_unknown_one_stays_last(corpus):
    asked = tf.constant([["a", "ü", "new"], ["né w", "what is this", ""]])
    assert corpus.lookup_items(asked).numpy().tolist() == [[0, 4, 5], [6, 7, -1]]
    assert [text.decode() for text in corpus.item_ids.numpy()] == [*IDS, "new", "né w"]
    assert corpus.titles.numpy().tolist() == [b"t"] * NUM_TRAINED + [b"One", b""]
    embeddings = corpus.embeddings.numpy()
    np.testing.assert_array_equal(embeddings[:5], EMBEDDINGS[:5])
    assert (embeddings[5:7] == 100).all()
    np.testing.assert_array_equal(embeddings[7], EMBEDDINGS[5])


def test_an_extended_corpus_is_saved_and_loaded(corpus, tmp_path):
    tf.saved_model.save(corpus, str(tmp_path / "saved"))
    (tmp_path / "item_ids.txt").unlink()  # an asset by now
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    assert loaded.lookup_items(tf.constant(["né w", "?"])).numpy().tolist() == [6, 7]


def test_nobody_has_touched_added_items():
    rng = np.random.default_rng(0)
    matrix = interaction_matrix(rng.integers(0, 20, 60), rng.integers(0, NUM_TRAINED, 60), NUM_TRAINED)
    sources = [
        fit_source(config, matrix, 0) for config in (ItemKnnConfig(), PopularityConfig(), EaseConfig())
    ]
    trained = CollaborativeModule(sources)
    extended = ExtendedCollaborative(trained, NUM_TRAINED, 2)
    # Two added items and the unknown one of all: to the trained sources each is the unknown one.
    found = extended.scores(tf.constant([[0, 5, 6], [7, 2, -1]]))
    expected = trained.scores(tf.constant([[0, 5, 5], [5, 2, -1]]))
    assert list(found) == list(expected)
    for name, values in found.items():
        np.testing.assert_array_equal(values[:, :NUM_TRAINED], expected[name])
        assert values.shape == (2, NUM_TRAINED + 2)
        assert not values[:, NUM_TRAINED:].numpy().any()


def test_to_the_ranking_an_added_item_is_the_unknown_one():
    class Rows(tf.Module):
        def rank(self, features, query_embeddings, rows):
            return {"rows": rows}

        task_scores = rank

    extended = ExtendedRanking(Rows(), NUM_TRAINED)
    rows = tf.constant([[0, 4, 5], [6, 7, -1]])
    for answer in (extended.rank({}, None, rows), extended.task_scores({}, None, rows)):
        assert answer["rows"].numpy().tolist() == [[0, 4, 5], [5, 5, -1]]


def test_rows_enter_before_the_last_one():
    table = before_the_last_row(np.array([[1.0], [2.0]], np.float32), np.array([[3.0]], np.float64))
    assert table.tolist() == [[1.0], [3.0], [2.0]]
    assert table.dtype == np.float32
