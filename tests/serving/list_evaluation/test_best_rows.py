"""Best rows against sorting, and lots that are fair."""

import numpy as np
import pytest
import scipy.sparse as sp

from serving.list_evaluation import best_rows as module
from serving.list_evaluation.best_rows import BestRows

NUM_REQUESTS, NUM_ITEMS, K = 40, 30, 8
PLACES = np.arange(NUM_REQUESTS)


def _nothing_seen(num_requests=NUM_REQUESTS, num_items=NUM_ITEMS):
    return sp.csr_matrix((num_requests, num_items), dtype=bool)


@pytest.fixture
def world():
    """Scores of both signs without ties, and what was seen."""
    rng = np.random.default_rng(0)
    ladder = np.tile(np.linspace(-3, 3, NUM_ITEMS, dtype=np.float32), (NUM_REQUESTS, 1))
    return rng.permuted(ladder, axis=1), rng.random((NUM_REQUESTS, NUM_ITEMS)) < 0.3


def test_lists_equal_sorting(world):
    scores, seen = world
    lists = BestRows(NUM_ITEMS, NUM_REQUESTS, K, seed=1)(scores, PLACES, sp.csr_matrix(seen))
    for row, left_out, listed in zip(scores, seen, lists, strict=True):
        order = sorted((item for item in range(NUM_ITEMS) if not left_out[item]), key=lambda i: -row[i])
        assert listed.tolist() == order[:K]


def test_inputs_stay_as_they_are(world):
    scores, seen = world
    before, seen = scores.copy(), sp.csr_matrix(seen)
    BestRows(NUM_ITEMS, NUM_REQUESTS, K, seed=1)(scores, PLACES, seen)
    np.testing.assert_array_equal(scores, before)


def test_a_list_ends_where_nothing_is_left():
    seen = sp.csr_matrix(np.array([[True, False, True, False], [True] * 4]))
    scores = np.array([[9, 1, 8, 2], [1, 2, 3, 4]])
    lists = BestRows(4, 2, 3, seed=0)(scores, np.arange(2), seen)
    assert lists.tolist() == [[3, 1, -1], [-1, -1, -1]]
    short = BestRows(2, 1, 3, seed=0)(np.array([[0.5, -0.5]]), np.zeros(1, int), sp.csr_matrix((1, 2)))
    assert short.tolist() == [[0, 1, -1]]
    assert BestRows(4, 2, 3, seed=0)(np.zeros((0, 4)), np.zeros(0, int), sp.csr_matrix((0, 4))).shape == (
        0,
        3,
    )


def test_a_lot_decides_between_equals_only():
    scores = np.zeros((NUM_REQUESTS, NUM_ITEMS), np.float32)
    scores[:, 3], scores[:, 7], scores[:, :2] = 1e-30, -0.0, -1e-30
    lists = BestRows(NUM_ITEMS, NUM_REQUESTS, NUM_ITEMS, seed=2)(scores, PLACES, _nothing_seen())
    assert (lists[:, 0] == 3).all()
    assert (np.sort(lists[:, -2:], axis=1) == [0, 1]).all()
    assert len(np.unique(np.nonzero(lists == 7)[1])) > 10  # one zero is as good as the other


def test_of_equals_all_are_as_lucky():
    num_requests = 20_000
    best = BestRows(NUM_ITEMS, num_requests, K, seed=3)
    lists = best(
        np.zeros((num_requests, NUM_ITEMS)), np.arange(num_requests), _nothing_seen(num_requests, NUM_ITEMS)
    )
    expected = num_requests / NUM_ITEMS
    for place in range(K):
        counts = np.bincount(lists[:, place], minlength=NUM_ITEMS)
        # Six standard deviations of a binomial count.
        assert np.abs(counts - expected).max() < 6 * np.sqrt(expected)
    assert all(len(set(listed)) == K for listed in lists.tolist())


def test_lots_are_those_of_the_seed_however_requests_are_cut(world, monkeypatch):
    scores, seen = np.round(world[0]), sp.csr_matrix(world[1])
    whole = BestRows(NUM_ITEMS, NUM_REQUESTS, K, seed=4)(scores, PLACES, seen)
    monkeypatch.setattr(module, "_MAX_KEYS", 3 * NUM_ITEMS)
    best = BestRows(NUM_ITEMS, NUM_REQUESTS, K, seed=4)
    parts = [best(scores[cut], PLACES[cut], seen[cut]) for cut in (slice(0, 17), slice(17, None))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    other = BestRows(NUM_ITEMS, NUM_REQUESTS, K, seed=5)(scores, PLACES, seen)
    assert (other != whole).any()
