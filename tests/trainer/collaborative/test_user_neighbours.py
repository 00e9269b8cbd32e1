"""User-based collaborative filtering, against NumPy."""

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from pipeline.config.collaborative import UserKnnConfig
from tests.trainer.collaborative.small_matrix import (
    HISTORY_ROWS,
    NUM_USERS,
    SETS,
    multi_hot,
    random_matrix,
)
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.user_neighbours import UserNeighbours


def _similarity(history, user, kind, shrinkage):
    """Of two sets; 0 where the user has nothing beyond the history."""
    common = history @ user
    if common in (0, user.sum()):
        return 0
    cosine = common / np.sqrt(history.sum() * user.sum())
    alike = cosine if kind == "cosine" else np.corrcoef(history, user)[0, 1]
    return max(alike, 0) * common / (common + shrinkage)


def _oracle(matrix, config):
    seen, histories = matrix.binary.toarray().astype(np.float64), multi_hot(SETS)
    scores = np.zeros_like(histories)
    for query, history in enumerate(histories):
        alike = np.array([_similarity(history, user, config.similarity, config.shrinkage) for user in seen])
        nearest = np.argsort(-alike, kind="stable")[: config.neighbours]
        scores[query] = alike[nearest] @ seen[nearest]
    return scores


@pytest.mark.parametrize("similarity", ["cosine", "pearson"])
@pytest.mark.parametrize("shrinkage", [0.0, 3.0])
@pytest.mark.parametrize("neighbours", [1, 4, 1000])
def test_scores_equal_the_oracle(similarity, shrinkage, neighbours):
    seen = random_matrix().binary.toarray()[1:]  # without the user of everything: see below
    matrix = InteractionMatrix(sp.csr_matrix(seen))
    config = UserKnnConfig(similarity=similarity, shrinkage=shrinkage, neighbours=neighbours)
    scores = UserNeighbours(matrix, config).scores(tf.constant(HISTORY_ROWS))
    np.testing.assert_allclose(scores, _oracle(matrix, config), atol=1e-5)


def test_a_user_of_everything_is_a_neighbour_by_cosine_and_none_by_correlation():
    seen = np.array([[1, 1, 1, 1], [0, 0, 1, 1]], np.float32)
    matrix, history = InteractionMatrix(sp.csr_matrix(seen)), tf.constant([[0, 1]])
    cosine = UserNeighbours(matrix, UserKnnConfig(similarity="cosine", shrinkage=0))
    np.testing.assert_allclose(cosine.scores(history), [[2 / np.sqrt(8)] * 4], rtol=1e-6)
    correlation = UserNeighbours(matrix, UserKnnConfig(similarity="pearson", shrinkage=0))
    np.testing.assert_array_equal(correlation.scores(history), [[0, 0, 0, 0]])


def test_who_asks_takes_nobodys_place():
    """The nearest by far is the user himself; the one neighbour is the next."""
    seen = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 1, 0], [0, 0, 0, 0, 1]], np.float32)
    config = UserKnnConfig(similarity="cosine", shrinkage=0, neighbours=1)
    source = UserNeighbours(InteractionMatrix(sp.csr_matrix(seen)), config)
    scores = source.scores(tf.constant([[0, 1, 2]])).numpy()
    np.testing.assert_allclose(scores, [2 / 3 * seen[1]], rtol=1e-6)


def test_of_too_many_users_a_sample_is_known_and_follows_the_seed():
    matrix, config = random_matrix(), UserKnnConfig(max_users=7, neighbours=1000)
    first, again, other = (UserNeighbours(matrix, config, seed=seed) for seed in (1, 1, 2))
    known = np.zeros([7, matrix.num_items])
    known[tuple(first.indices.numpy().T)] = 1
    assert len(first.sizes.numpy()) == 7 < NUM_USERS
    assert {tuple(row) for row in known} <= {tuple(row) for row in matrix.binary.toarray()}
    np.testing.assert_array_equal(first.indices, again.indices)
    assert first.sizes.numpy().tolist() != other.sizes.numpy().tolist()
