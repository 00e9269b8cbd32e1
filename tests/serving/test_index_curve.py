"""Recall and latency of an index, by effort."""

import numpy as np
import pytest
import scann  # noqa: F401  (registers ScaNN's ops)

from serving.index import ExactIndex, ScannIndex, index_recall
from serving.index_curve import measure, search_curve

RNG = np.random.default_rng(0)
EMBEDDINGS = RNG.normal(size=(400, 16)).astype(np.float32)
QUERIES = RNG.normal(size=(50, 16)).astype(np.float32)


def test_recall_is_the_share_of_the_exact_best():
    exact = np.argsort(-QUERIES @ EMBEDDINGS.T, axis=1)[:, :10]
    found = exact.copy()
    found[:, 5:] = -1
    assert index_recall(exact[:, ::-1], EMBEDDINGS, QUERIES) == 1
    assert index_recall(found, EMBEDDINGS, QUERIES) == pytest.approx(0.5)


def test_an_exact_index_finds_everything_and_takes_time():
    figures = measure("exact", ExactIndex(EMBEDDINGS).search, EMBEDDINGS, QUERIES)
    assert figures.recall_at_10 == 1
    assert figures.milliseconds_per_query > 0
    assert figures.rescored is None
    assert figures.leaves is None


@pytest.mark.parametrize("partitioned", [False, True])
def test_more_effort_finds_more_and_all_of_it_everything(partitioned):
    curve = search_curve(ScannIndex(EMBEDDINGS, partitioned), EMBEDDINGS, QUERIES)
    efforts = [figures.leaves if partitioned else figures.rescored for figures in curve]
    assert efforts == ([1, 4, 12, 40] if partitioned else [10, 20, 50, 100, 200, 400])
    recalls = [figures.recall_at_10 for figures in curve]
    assert (np.diff(recalls) > -0.02).all()
    assert recalls[0] < 0.9 < recalls[-1]


def test_a_small_corpus_is_not_rescored_beyond_its_size():
    few = EMBEDDINGS[:30]
    curve = search_curve(ScannIndex(few, partitioned=False), few, QUERIES)
    assert [figures.rescored for figures in curve] == [10, 20, 30]
    assert curve[-1].recall_at_10 == 1
