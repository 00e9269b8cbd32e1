"""How a ScaNN index is built and searched, by the size of the corpus."""

import numpy as np
import pytest
from scann.scann_ops.py import scann_ops_pybind

from serving.index import ScannIndex, index_recall
from serving.scann_parameters import ScannParameters


@pytest.mark.parametrize(
    ("num_items", "leaves", "searched", "rescored"),
    [
        (100, 20, 20, 100),  # all there are
        (5_000, 141, 40, 100),
        (92_333, 608, 92, 243),
        (1_000_000, 2000, 300, 800),
    ],
)
def test_effort_grows_with_the_corpus(num_items, leaves, searched, rescored):
    parameters = ScannParameters.for_corpus(num_items, partitioned=True)
    assert parameters.num_leaves == leaves
    assert parameters.min_leaves == searched
    assert parameters.min_rescored == rescored


def test_without_partitions_none_is_searched():
    parameters = ScannParameters.for_corpus(2_000, partitioned=False)
    assert parameters.num_leaves is None
    assert parameters.min_leaves == parameters.leaves_per_result == 0


def test_the_leaves_of_many_results_hold_several_times_as_many():
    parameters = ScannParameters.for_corpus(40_000, partitioned=True)
    items_per_leaf = 40_000 / parameters.num_leaves
    assert 500 * parameters.leaves_per_result * items_per_leaf == pytest.approx(4 * 500)


@pytest.mark.parametrize("noise", [0.5, 1.5])  # in clusters, and hardly so
def test_defaults_find_nearly_all_of_the_best(noise):
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((40, 64), dtype=np.float32)
    drawn = centres[rng.integers(0, 40, 20_300)] + noise * rng.standard_normal((20_300, 64), np.float32)
    embeddings, queries = drawn[:20_000], drawn[20_000:]
    index = ScannIndex(embeddings, partitioned=True)
    assert index_recall(index.search(queries, 10)[1].numpy(), embeddings, queries) > 0.95  # a tolerance


def test_the_searcher_without_tensorflow_is_built_alike():
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((2_000, 16), dtype=np.float32)
    parameters = ScannParameters.for_corpus(2_000, partitioned=True)
    builder = scann_ops_pybind.builder(embeddings, 10, "dot_product")
    searcher = parameters.configure(builder).build()
    # All leaves and all candidates: the answer is exact.
    rows, _ = searcher.search(embeddings[0], 10, 2_000, parameters.num_leaves)
    assert set(rows) == set(np.argsort(-embeddings @ embeddings[0])[:10])
