"""Item-based collaborative filtering, against NumPy."""

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from pipeline.config.collaborative import ItemKnnConfig
from tests.trainer.collaborative.small_matrix import HISTORY_ROWS, NUM_ITEMS, SETS, multi_hot, random_matrix
from trainer.collaborative import item_similarity as module
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.item_neighbours import ItemNeighbours
from trainer.collaborative.item_similarity import item_similarity

SHRINKAGES = [0.0, 3.0]


def _divide(left, right):
    return np.where(right > 0, left / np.where(right > 0, right, 1), 0)


def _oracle(matrix, similarity, shrinkage):
    """Every pair of items on its own; nothing on the diagonal, and nothing negative."""
    seen = matrix.binary.toarray() > 0
    values = None if matrix.values is None else matrix.values.toarray().astype(np.float64)
    result = np.zeros([NUM_ITEMS, NUM_ITEMS])
    for i in range(NUM_ITEMS):
        for j in range(NUM_ITEMS):
            common = seen[:, i] & seen[:, j]
            if i == j or not common.any():
                continue
            if similarity == "cosine":
                alike = common.sum() / np.sqrt(seen[:, i].sum() * seen[:, j].sum())
            elif values is None:
                alike = np.corrcoef(seen[:, i], seen[:, j])[0, 1]
            else:
                means = values.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
                x, y = (values[common, k] - means[common] for k in (i, j))
                alike = _divide(x @ y, np.sqrt((x @ x) * (y @ y)))
            result[i, j] = max(alike, 0) * common.sum() / (common.sum() + shrinkage)
    return result


CASES = [("cosine", False), ("pearson", False), ("pearson", True)]


@pytest.mark.parametrize(("similarity", "with_values"), CASES)
@pytest.mark.parametrize("shrinkage", SHRINKAGES)
def test_all_neighbours_equal_the_oracle(monkeypatch, similarity, with_values, shrinkage):
    monkeypatch.setattr(module, "_BLOCK_CELLS", 5 * NUM_ITEMS)  # several blocks, the last a smaller one
    matrix = random_matrix(with_values=with_values)
    config = ItemKnnConfig(similarity=similarity, shrinkage=shrinkage, neighbours=NUM_ITEMS)
    oracle = _oracle(matrix, similarity, shrinkage)
    assert (oracle > 0).sum() > NUM_ITEMS
    np.testing.assert_allclose(item_similarity(matrix, config).toarray(), oracle, atol=1e-6)


@pytest.mark.parametrize(("similarity", "with_values"), CASES)
@pytest.mark.parametrize("shrinkage", SHRINKAGES)
@pytest.mark.parametrize("neighbours", [1, 3])
def test_the_nearest_are_kept(similarity, with_values, shrinkage, neighbours):
    matrix = random_matrix(with_values=with_values)
    config = ItemKnnConfig(similarity=similarity, shrinkage=shrinkage, neighbours=neighbours)
    kept = item_similarity(matrix, config).toarray()
    oracle = _oracle(matrix, similarity, shrinkage)
    # Which of equally near items are kept is not said; how near they are is.
    nearest = np.sort(oracle, axis=1)[:, -neighbours:]
    np.testing.assert_allclose(np.sort(kept, axis=1)[:, -neighbours:], nearest, atol=1e-6)
    assert ((kept > 0).sum(axis=1) <= neighbours).all()
    np.testing.assert_allclose(kept[kept > 0], oracle[kept > 0], atol=1e-6)


@pytest.mark.parametrize("shrinkage", SHRINKAGES)
def test_no_more_are_kept_of_items_that_the_same_users_saw(shrinkage):
    matrix = InteractionMatrix(sp.csr_matrix(np.ones([4, 6], np.float32)))
    similarity = item_similarity(matrix, ItemKnnConfig(neighbours=2, shrinkage=shrinkage))
    np.testing.assert_array_equal((similarity.toarray() > 0).sum(axis=1), 2)


def test_an_item_that_nobody_saw_is_like_no_other():
    seen = random_matrix().binary.toarray()
    seen[:, 5] = 0
    source = ItemNeighbours(InteractionMatrix(sp.csr_matrix(seen)), ItemKnnConfig(similarity="pearson"))
    scores = source.scores(tf.range(NUM_ITEMS)[tf.newaxis]).numpy()
    assert scores[0, 5] == 0
    assert (scores > 0).any()


@pytest.mark.parametrize("similarity", ["cosine", "pearson"])
def test_scores_are_sums_of_the_similarities_to_the_history(similarity):
    matrix = random_matrix()
    config = ItemKnnConfig(similarity=similarity, shrinkage=0, neighbours=3)
    source = ItemNeighbours(matrix, config)
    expected = multi_hot(SETS) @ source.similarity.toarray().T
    np.testing.assert_allclose(source.scores(tf.constant(HISTORY_ROWS)), expected, atol=1e-6)
    counts = sp.csr_matrix(3 * multi_hot(SETS))  # several times counts once
    np.testing.assert_allclose(source.scores_of_matrix(counts), expected, atol=1e-6)
