"""Candidates of all sources: which there are, and their scores, against NumPy."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from pipeline.config.collaborative import ItemKnnConfig, PopularityConfig
from serving.candidate_generator import CandidateGenerator
from serving.index import ExactIndex
from trainer.collaborative.collaborative_module import CollaborativeModule
from trainer.collaborative.interaction_matrix import interaction_matrix
from trainer.collaborative.train_collaborative import fit_source
from trainer.graphs import graph_function

NUM_ITEMS, DIM, TEXT_DIM = 12, 4, 3
SEEN = np.int32([[0, 1, -1], [-1, -1, -1], [11, NUM_ITEMS, 11]])  # N is an item outside the corpus
RNG = np.random.default_rng(0)
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


def _generate(collaborative, retrieved=3, others=2, k=1):
    queries = SimpleNamespace(encode_queries=_encode_loaded(), transform_queries=lambda raw: raw)
    corpus = SimpleNamespace(item_ids=tf.zeros([NUM_ITEMS]), embeddings=tf.constant(EMBEDDINGS))
    retrieval = SimpleNamespace(queries=queries, corpus=corpus, text_embeddings=tf.constant(TEXTS))
    generator = CandidateGenerator(retrieval, ExactIndex(EMBEDDINGS[:-1]), collaborative, retrieved, others)
    found = generator.generate({"query": tf.constant(QUERIES)}, tf.constant(SEEN), tf.constant(k))
    return generator, found


def _encode_loaded():
    """As a loaded SavedModel has it."""

    def call(features):
        return _encode(features)

    call.concrete_functions = [_encode.get_concrete_function()]
    return call


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
    none = generator.generate({"query": tf.zeros([0, DIM])}, tf.zeros([0, 2], tf.int32), tf.constant(3))
    assert none.rows.shape[0] == 0
