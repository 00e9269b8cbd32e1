"""Candidates of all sources: which there are, and their scores, against NumPy."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from pipeline.config.collaborative import ItemKnnConfig, PopularityConfig
from serving.candidate_generator import CandidateGenerator
from serving.category_filter import CategoryFilter
from serving.index import ExactIndex
from serving.request_controls import plain_controls
from trainer.collaborative.collaborative_module import CollaborativeModule
from trainer.collaborative.interaction_matrix import interaction_matrix
from trainer.collaborative.train_collaborative import fit_source
from trainer.graphs import graph_function

NUM_ITEMS, DIM, TEXT_DIM = 12, 4, 3
SEEN = np.int32([[0, 1, -1], [-1, -1, -1], [11, NUM_ITEMS, 11]])  # N is an item outside the corpus
RNG = np.random.default_rng(0)
CATEGORIES = CategoryFilter(
    pa.table(
        {
            "item_id": [f"{i}" for i in range(NUM_ITEMS)],
            "kind": [["even" if i % 2 == 0 else "odd"] for i in range(NUM_ITEMS)],
            "size": [["big"] if i > 5 else [] for i in range(NUM_ITEMS)],
        }
    ),
    np.array([f"{i}".encode() for i in range(NUM_ITEMS)], object),
)
QUERIES = RNG.normal(size=[len(SEEN), DIM]).astype(np.float32)
EMBEDDINGS = RNG.normal(size=[NUM_ITEMS + 1, DIM]).astype(np.float32)
TEXTS = RNG.normal(size=[NUM_ITEMS + 1, TEXT_DIM]).astype(np.float32)
TEXTS /= np.linalg.norm(TEXTS, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def collaborative():
    rng = np.random.default_rng(1)
    users, items = rng.integers(0, 20, 80), rng.integers(0, NUM_ITEMS, 80)
    matrix = interaction_matrix(users, items, NUM_ITEMS)
    return CollaborativeModule(
        [fit_source(config, matrix, 0) for config in (ItemKnnConfig(), PopularityConfig())]
    )


@graph_function(input_signature=[{"query": tf.TensorSpec([None, DIM])}])
def _encode(features):
    return features["query"]


def _generate(collaborative, retrieved=3, others=2, k=1, **said):
    queries = SimpleNamespace(encode_queries=_encode_loaded(), transform_queries=lambda raw: raw)
    corpus = SimpleNamespace(
        item_ids=tf.zeros([NUM_ITEMS]), embeddings=tf.constant(EMBEDDINGS), lookup_items=_lookup
    )
    retrieval = SimpleNamespace(queries=queries, corpus=corpus, text_embeddings=tf.constant(TEXTS))
    generator = CandidateGenerator(
        retrieval, ExactIndex(EMBEDDINGS[:-1]), collaborative, retrieved, others, CATEGORIES
    )
    controls = plain_controls(tf.constant(len(SEEN)), k)
    controls = controls._replace(**{name: tf.constant(values) for name, values in said.items()})
    found = generator.generate({"query": tf.constant(QUERIES)}, tf.constant(SEEN), controls)
    return generator, found


def _encode_loaded():
    """As a loaded SavedModel has it."""

    def call(features):
        return _encode(features)

    call.concrete_functions = [_encode.get_concrete_function()]
    return call


def _lookup(item_ids):
    return tf.strings.to_number(tf.where(item_ids == "", "-1", item_ids), tf.int32)


def _chosen(found, query):
    return found.rows.numpy()[query][found.valid.numpy()[query]]


def _seen(query):
    return {row for row in SEEN[query].tolist() if 0 <= row < NUM_ITEMS}


def test_every_candidate_comes_once_and_none_was_seen(collaborative):
    _, found = _generate(collaborative)
    for query in range(len(SEEN)):
        chosen = _chosen(found, query).tolist()
        assert len(set(chosen)) == len(chosen) > 0
        assert not set(chosen) & _seen(query)


def test_the_best_unseen_of_every_source_are_among_them(collaborative):
    generator, found = _generate(collaborative)
    assert generator.sources == ("retrieval", "content", "item_knn", "popularity")
    towers = QUERIES @ EMBEDDINGS[:-1].T
    others = {name: values.numpy() for name, values in collaborative.scores(tf.constant(SEEN)).items()}
    for query in range(len(SEEN)):
        unseen = np.array(sorted(set(range(NUM_ITEMS)) - _seen(query)))
        chosen = set(_chosen(found, query).tolist())
        for scores, count in ((towers, 3), *((values, 2) for values in others.values())):
            best = unseen[np.argsort(-scores[query][unseen], kind="stable")[:count]]
            assert set(best.tolist()) <= chosen


def test_scores_are_those_of_the_sources(collaborative):
    _, found = _generate(collaborative)
    others = collaborative.scores(tf.constant(SEEN))
    rows = found.rows.numpy()
    for query in range(len(SEEN)):
        known = sorted(_seen(query))
        profile = TEXTS[SEEN[query][(SEEN[query] >= 0) & (SEEN[query] < NUM_ITEMS)]]
        content = TEXTS[:-1] @ profile.mean(axis=0) if known else np.zeros(NUM_ITEMS)
        expected = {"retrieval": EMBEDDINGS[:-1] @ QUERIES[query], "content": content}
        expected |= {name: values.numpy()[query] for name, values in others.items()}
        for name, values in expected.items():
            np.testing.assert_allclose(found.scores[name].numpy()[query], values[rows[query]], atol=1e-5)
    assert found.num_seen.numpy().tolist() == [2, 0, 1]


def test_more_are_found_if_more_are_asked_for(collaborative):
    _, found = _generate(collaborative, retrieved=1, others=1, k=NUM_ITEMS)
    assert [len(_chosen(found, query)) for query in range(len(SEEN))] == [10, 12, 11]


def test_a_batch_without_requests(collaborative):
    generator, _ = _generate(collaborative)
    nobody = plain_controls(tf.constant(0), 3)
    none = generator.generate({"query": tf.zeros([0, DIM])}, tf.zeros([0, 2], tf.int32), nobody)
    assert none.rows.shape[0] == 0


def test_the_index_gives_what_was_asked_for_whoever_asks_beside(collaborative):
    # Only the index: 4 of those that are left for each query, though the queries have seen 2, none and 1.
    _, found = _generate(collaborative, retrieved=4, others=0)
    for query in range(len(SEEN)):
        unseen = np.array(sorted(set(range(NUM_ITEMS)) - _seen(query)))
        scores = EMBEDDINGS[unseen] @ QUERIES[query]
        assert set(_chosen(found, query)) == set(unseen[np.argsort(-scores)[:4]].tolist())


def test_what_is_excluded_or_of_other_categories_is_no_candidate_and_the_rest_is(collaborative):
    _, found = _generate(
        collaborative,
        retrieved=NUM_ITEMS,
        exclude_item_ids=[["0", "3"], ["", ""], ["2", "2"]],
        allow_categories=[[""], ["kind=even"], ["kind=even"]],
        deny_categories=[[""], ["size=big"], [""]],
    )
    assert _chosen(found, 0).tolist() == [2, *range(4, NUM_ITEMS)]
    assert _chosen(found, 1).tolist() == [0, 2, 4]
    assert _chosen(found, 2).tolist() == [0, 4, 6, 8, 10]
    assert found.num_seen.numpy().tolist() == [2, 0, 1]  # of the history alone


def test_what_was_seen_may_come_again(collaborative):
    _, found = _generate(collaborative, retrieved=NUM_ITEMS, filter_seen=[False, True, True])
    assert [len(_chosen(found, query)) for query in range(len(SEEN))] == [12, 12, 11]
