"""Figures of lists against slow oracles."""

import math
from itertools import combinations
from typing import get_args

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.metrics import ndcg_score

from pipeline.config.gate import ListMetric
from serving.list_evaluation.item_traits import ItemTraits
from serving.list_evaluation.metrics import COVERAGE, coverage, list_metrics

NUM_REQUESTS, NUM_ITEMS, DIM = 60, 50, 5


@pytest.fixture(scope="module")
def traits():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 30, NUM_ITEMS)
    counts[:5] = 0
    embeddings = rng.standard_normal((NUM_ITEMS, DIM)).astype(np.float32)
    embeddings[7] = 0
    return ItemTraits.of(counts, embeddings)


@pytest.fixture(scope="module")
def world(traits):
    """Lists with gaps, targets of which half are listed, histories of which some are empty."""
    rng = np.random.default_rng(1)
    lists = np.array([rng.permutation(NUM_ITEMS)[:20] for _ in range(NUM_REQUESTS)])
    lists[rng.random(lists.shape) < 0.1] = -1
    lists[0], lists[1, 1:] = -1, -1
    targets = rng.integers(0, NUM_ITEMS, NUM_REQUESTS)
    seen = rng.random((NUM_REQUESTS, NUM_ITEMS)) < 0.1
    seen[::7] = False
    return lists, targets, seen


@pytest.fixture(scope="module")
def figures(world, traits):
    lists, targets, seen = world
    return list_metrics(lists, targets, traits.profile_information(sp.csr_matrix(seen)), traits)


def test_a_gate_may_ask_for_all_of_them_and_nothing_else(figures):
    assert set(get_args(ListMetric)) == {*figures, COVERAGE}


def test_accuracy_equals_walking_down_the_list(figures, world):
    lists, targets, _ = world
    hits = 0
    for i, (listed, target) in enumerate(zip(lists.tolist(), targets, strict=True)):
        place = listed.index(target) + 1 if target in listed else math.inf
        hits += place <= 20
        assert figures["recall@20"][i] == (place <= 20)
        assert figures["hit_rate@10"][i] == (place <= 10)
        assert figures["mrr@20"][i] == pytest.approx(1 / place)
        assert figures["ndcg@10"][i] == pytest.approx(1 / math.log2(place + 1) if place <= 10 else 0)
    assert 10 < hits < 50


def test_ndcg_equals_that_of_scikit_learn(figures, world):
    lists, targets, _ = world
    # What is listed scores 20, 19, ..., anything else 0; below the tenth place nothing counts.
    scores = np.zeros((NUM_REQUESTS, NUM_ITEMS))
    for listed, row in zip(lists, scores, strict=True):
        row[listed[listed >= 0]] = (20 - np.arange(20))[listed >= 0]
    whole = (lists >= 0)[:, :10].all(axis=1)  # a gap has no score
    relevant = np.eye(NUM_ITEMS)[targets]
    expected = [ndcg_score(relevant[i : i + 1], scores[i : i + 1], k=10) for i in np.flatnonzero(whole)]
    assert whole.sum() > 10
    np.testing.assert_allclose(figures["ndcg@10"][whole], expected)


def test_novelty_is_the_mean_surprise(figures, world, traits):
    total = int(traits.counts.sum()) + NUM_ITEMS
    for i, listed in enumerate(world[0].tolist()):
        surprises = [-math.log2((traits.counts[item] + 1) / total) for item in listed if item >= 0]
        if surprises:
            assert figures["novelty@20"][i] == pytest.approx(sum(surprises) / len(surprises))
        else:
            assert np.isnan(figures["novelty@20"][i])
    assert np.isfinite(traits.information).all()


def test_an_item_with_more_is_a_bit_less_new():
    """Of 3 + 1 and 1 + 1 in 6: log2(6/4) and log2(6/2) bits."""
    information = ItemTraits.of(np.array([3, 1]), np.eye(2, dtype=np.float32)).information
    np.testing.assert_allclose(information, [math.log2(1.5), math.log2(3)])


def test_diversity_is_one_less_the_mean_cosine_of_pairs(figures, world, traits):
    for i, listed in enumerate(world[0].tolist()):
        pairs = list(combinations([item for item in listed if item >= 0], 2))
        if not pairs:
            assert np.isnan(figures["diversity@20"][i])
            continue
        cosines = [float(traits.directions[a] @ traits.directions[b]) for a, b in pairs]
        assert figures["diversity@20"][i] == pytest.approx(1 - sum(cosines) / len(pairs), abs=1e-6)


def test_diversity_of_likes_and_of_opposites():
    embeddings = np.array([[2, 0], [5, 0], [-1, 0], [0, 3]], np.float32)
    traits = ItemTraits.of(np.ones(4, int), embeddings)
    lists = np.full((3, 20), -1)
    lists[:, :2] = [[0, 1], [0, 2], [0, 3]]
    figures = list_metrics(lists, np.zeros(3, int), np.full(3, np.nan), traits)
    np.testing.assert_allclose(figures["diversity@20"], [0, 2, 1], atol=1e-6)


def test_popularity_bias_is_the_ratio_of_geometric_means(figures, world, traits):
    lists, _, seen = world
    for i, (listed, had) in enumerate(zip(lists.tolist(), seen, strict=True)):
        shown = [float(traits.counts[item] + 1) for item in listed if item >= 0]
        own = (traits.counts[had] + 1.0).tolist()
        if not shown or not own:
            assert np.isnan(figures["popularity_bias@20"][i])
            continue
        ratio = math.prod(shown) ** (1 / len(shown)) / math.prod(own) ** (1 / len(own))
        assert figures["popularity_bias@20"][i] == pytest.approx(math.log2(ratio))
    assert 5 < np.isnan(figures["popularity_bias@20"]).sum() < 20


def test_a_list_like_the_history_has_no_bias():
    traits = ItemTraits.of(np.array([7, 7, 15]), np.eye(3, dtype=np.float32))
    lists = np.full((2, 20), -1)
    lists[:, 0] = [0, 2]
    profiles = traits.profile_information(sp.csr_matrix([[0, 1, 0], [0, 1, 0]]))
    bias = list_metrics(lists, np.zeros(2, int), profiles, traits)["popularity_bias@20"]
    np.testing.assert_allclose(bias, [0, 1], atol=1e-12)  # 16 is twice 8


def test_coverage_counts_each_item_once():
    lists = np.array([[0, 1, -1], [1, 0, 3]])
    assert coverage(lists, 8) == 3 / 8
    assert coverage(np.full((2, 3), -1), 8) == 0


def test_blocks_change_nothing(figures, world, traits, monkeypatch):
    monkeypatch.setattr("serving.list_evaluation.metrics._BLOCK", 7)
    lists, targets, seen = world
    again = list_metrics(lists, targets, traits.profile_information(sp.csr_matrix(seen)), traits)
    np.testing.assert_array_equal(again["diversity@20"], figures["diversity@20"])
