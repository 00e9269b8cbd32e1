"""The metrics of the protocols, by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks.judge import best_lists, judge_lists


def test_lists_hold_the_best_that_was_not_seen():
    scores = np.array([[0.1, 0.9, 0.5, 0.5], [0.4, 0.3, 0.2, 0.1]])
    seen = sp.csr_matrix([[0, 1, 0, 0], [0, 0, 0, 0]])
    lists = best_lists(scores, seen)
    assert lists.tolist() == [[2, 3, 0, -1], [0, 1, 2, 3]]


def test_lists_may_be_of_some_candidates_alone():
    lists = best_lists(np.array([[3.0, 2.0, 1.0]]), sp.csr_matrix((1, 3)), np.array([False, True, True]))
    assert lists.tolist() == [[1, 2, -1]]


def test_figures_by_hand():
    lists = np.array([[5, 1, 2, -1], [0, 3, 4, 5], [1, 2, 3, 4]])
    relevant = sp.csr_matrix(
        [[0, 1, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]  # the last has nothing to find
    )
    figures = judge_lists(lists, relevant)
    assert figures.recall_at_20 == pytest.approx((1 / 2 + 1) / 2)
    assert figures.hit_rate_at_10 == 1.0
    first = (1 / np.log2(3)) / (1 + 1 / np.log2(3))
    assert figures.ndcg_at_10 == pytest.approx((first + 1) / 2)


def test_a_hit_behind_the_tenth_place_counts_for_recall_alone():
    relevant = sp.csr_matrix(np.arange(20)[np.newaxis] == 15)
    figures = judge_lists(np.arange(20)[np.newaxis], relevant)
    assert (figures.recall_at_20, figures.hit_rate_at_10, figures.ndcg_at_10) == (1.0, 0.0, 0.0)
