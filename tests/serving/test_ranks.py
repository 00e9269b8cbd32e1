"""Ranks and figures against plain oracles."""

import math

import numpy as np
import pytest

from serving.ranks import rank_figures, ranks_of_lists, ranks_of_scores

RNG = np.random.default_rng(0)


def _world(num_queries=40, num_items=30):
    """Scores without ties, targets, and what was seen (never the target)."""
    scores = RNG.permuted(np.tile(np.arange(num_items, dtype=float), (num_queries, 1)), axis=1)
    targets = RNG.integers(0, num_items, num_queries)
    seen = RNG.random((num_queries, num_items)) < 0.3
    seen[np.arange(num_queries), targets] = False
    return scores, targets, seen


def test_ranks_of_scores_equal_sorting():
    scores, targets, seen = _world()
    for row, target, left_out, rank in zip(
        scores, targets, seen, ranks_of_scores(scores, targets, seen), strict=True
    ):
        order = [item for item in np.argsort(-row) if not left_out[item]]
        assert order.index(target) == rank


def test_ties_count_half():
    scores = np.array([[1.0, 1.0, 1.0, 0.0]])
    nothing_seen = np.zeros((1, 4), bool)
    assert ranks_of_scores(scores, np.array([0]), nothing_seen).tolist() == [1.0]
    assert ranks_of_scores(np.zeros((1, 4)), np.array([2]), nothing_seen).tolist() == [1.5]


def test_scores_stay_as_they_are():
    scores, targets, seen = _world()
    before = scores.copy(), seen.copy()
    ranks_of_scores(scores, targets, seen)
    np.testing.assert_array_equal(scores, before[0])
    np.testing.assert_array_equal(seen, before[1])


def test_ranks_of_lists_equal_ranks_of_scores():
    scores, targets, seen = _world()
    lists = np.argsort(-scores, axis=1)
    expected = ranks_of_scores(scores, targets, seen)
    np.testing.assert_array_equal(ranks_of_lists(lists, targets, seen), expected)


def test_a_target_outside_the_list_has_the_last_rank():
    lists = np.array([[3, 1, -1], [0, 2, 1]])
    seen = np.zeros((2, 5), bool)
    seen[1, 0] = True  # does not count on the way to item 1
    assert ranks_of_lists(lists, np.array([4, 1]), seen).tolist() == [5, 1]


def test_figures():
    figures = rank_figures(np.array([0, 1, 9, 10, 19, 20, 1000]))
    assert figures.recall_at_20 == pytest.approx(5 / 7)
    assert figures.ndcg_at_10 == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(11)) / 7)
