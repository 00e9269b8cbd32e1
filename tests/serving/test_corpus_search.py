"""Search that leaves out and still finds enough, against NumPy."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.corpus_search import CorpusSearch
from serving.index import NOT_FOUND, ExactIndex

NUM_ITEMS, DIM = 15, 3
RNG = np.random.default_rng(0)
EMBEDDINGS = RNG.normal(size=[NUM_ITEMS + 1, DIM]).astype(np.float32)
QUERIES = RNG.normal(size=[4, DIM]).astype(np.float32)
CORPUS = SimpleNamespace(item_ids=tf.zeros([NUM_ITEMS]), embeddings=tf.constant(EMBEDDINGS))
EXACT = ExactIndex(EMBEDDINGS[:-1])


class Blind:
    """An approximate index that finds no item with an odd row."""

    is_exact = False

    def search(self, queries, k):
        scores, rows = EXACT.search(queries, k)
        found = rows % 2 == 0
        return tf.where(found, scores, tf.float32.min), tf.where(found, rows, NOT_FOUND)


def _search(blocked, wanted, index=EXACT, allowed=None):
    mask = np.ones([len(wanted), NUM_ITEMS], bool)
    for query, rows in enumerate(allowed or []):
        if rows is not None:
            mask[query] = np.isin(np.arange(NUM_ITEMS), rows)
    filtered = [rows is not None for rows in allowed or [None] * len(wanted)]
    width = max(map(len, blocked), default=0)
    padded = np.full([len(wanted), width], -1, np.int32)
    for query, rows in enumerate(blocked):
        padded[query, : len(rows)] = rows
    found = CorpusSearch(CORPUS, index).search(
        tf.constant(QUERIES[: len(wanted)]),
        tf.constant(padded),
        tf.constant(wanted, tf.int32),
        tf.constant(filtered, tf.bool),
        lambda: tf.constant(mask),
    )
    assert found.rows.shape == (len(wanted), max(wanted, default=0))
    return [
        (rows[valid].tolist(), scores[valid])
        for rows, scores, valid in zip(
            *(x.numpy() for x in (found.rows, found.scores, found.valid)), strict=True
        )
    ]


def _expected(query, blocked, wanted, allowed=None):
    scores = EMBEDDINGS[:-1] @ QUERIES[query]
    free = [row for row in np.argsort(-scores) if row not in blocked and (allowed is None or row in allowed)]
    return free[:wanted], scores[free[:wanted]]


rows = st.lists(st.integers(-1, NUM_ITEMS), max_size=25)  # also padding, unknown items and repetitions
allowed_rows = st.none() | st.lists(st.integers(0, NUM_ITEMS - 1), max_size=6)


@settings(max_examples=80)
@given(st.lists(st.tuples(rows, st.integers(0, NUM_ITEMS), allowed_rows), min_size=1, max_size=4))
def test_the_best_that_are_left_are_found(requests):
    blocked, wanted, allowed = zip(*requests, strict=True)
    for query, (found, scores) in enumerate(_search(blocked, wanted, allowed=allowed)):
        expected, their_scores = _expected(query, blocked[query], wanted[query], allowed[query])
        assert found == expected
        np.testing.assert_allclose(scores, their_scores, rtol=1e-5)


def test_what_an_index_lacks_is_searched_exactly():
    (short, _), (enough, _) = _search([[], []], [6, 3], Blind())
    assert short == _expected(0, [], 6)[0]
    assert set(row % 2 for row in short) == {0, 1}
    # Three even ones in the first eight places: this request's answer is the index', whoever asks beside it.
    alone = _search([[]], [6], Blind())[0][0]
    assert alone == short
    assert len(enough) == 3


def test_a_batch_of_nobody():
    found = CorpusSearch(CORPUS, EXACT).search(
        tf.zeros([0, DIM]), tf.zeros([0, 2], tf.int32), tf.zeros([0], tf.int32), tf.zeros([0], tf.bool), None
    )
    assert found.rows.shape == (0, 0)
