"""Item-based collaborative filtering, against NumPy."""

import numpy as np
import pytest
import scipy.sparse as sp

from trainer.neighbours import ItemNeighbours

RNG = np.random.default_rng(0)
NUM_USERS, NUM_ITEMS = 40, 12
SEEN = RNG.random([NUM_USERS, NUM_ITEMS]) < 0.3
COUNTS = SEEN * RNG.integers(1, 5, SEEN.shape)


def _cosine(seen):
    """Cosine between the items' columns, nothing on the diagonal."""
    columns = seen.astype(np.float64)
    norms = np.linalg.norm(columns, axis=0)
    cosine = columns.T @ columns / np.maximum(np.outer(norms, norms), 1e-12)
    np.fill_diagonal(cosine, 0.0)
    return cosine


def test_all_neighbours_equal_the_cosine():
    similarity = ItemNeighbours(sp.csr_matrix(SEEN), num_neighbours=NUM_ITEMS).similarity
    np.testing.assert_allclose(similarity.toarray(), _cosine(SEEN), atol=1e-9)


def test_what_was_done_several_times_counts_once():
    several = ItemNeighbours(sp.csr_matrix(COUNTS)).similarity.toarray()
    np.testing.assert_allclose(several, _cosine(SEEN), atol=1e-9)


@pytest.mark.parametrize("num_neighbours", [1, 3])
def test_the_nearest_are_kept(num_neighbours):
    similarity = ItemNeighbours(sp.csr_matrix(SEEN), num_neighbours).similarity.toarray()
    cosine = _cosine(SEEN)
    np.testing.assert_array_equal(np.diag(similarity), 0)
    for row in range(NUM_ITEMS):
        kept = similarity[row] > 0
        # Which of equally near items are kept is not said; how near they are is.
        nearest = np.sort(cosine[row])[::-1][:num_neighbours]
        np.testing.assert_allclose(np.sort(similarity[row, kept])[::-1], nearest, atol=1e-9)
        np.testing.assert_allclose(similarity[row, kept], cosine[row, kept], atol=1e-9)


def test_no_more_are_kept_of_items_that_the_same_users_saw():
    similarity = ItemNeighbours(sp.csr_matrix(np.ones([4, 6])), num_neighbours=2).similarity
    np.testing.assert_array_equal((similarity.toarray() > 0).sum(axis=1), 2)


def test_scores_are_sums_of_the_similarities_to_the_history():
    neighbours = ItemNeighbours(sp.csr_matrix(SEEN), num_neighbours=3)
    histories = np.zeros([3, NUM_ITEMS])
    histories[0, [1, 4]], histories[2, 7] = 1, 1
    scores = neighbours.scores(sp.csr_matrix(histories))
    similarity = neighbours.similarity.toarray()
    assert type(scores) is np.ndarray
    np.testing.assert_allclose(scores[0], similarity[:, 1] + similarity[:, 4], atol=1e-9)
    np.testing.assert_array_equal(scores[1], np.zeros(NUM_ITEMS))  # no history
    np.testing.assert_allclose(scores[2], similarity[:, 7], atol=1e-9)


def test_an_item_that_nobody_saw_is_like_no_other():
    seen = SEEN.copy()
    seen[:, 5] = False
    neighbours = ItemNeighbours(sp.csr_matrix(seen))
    np.testing.assert_allclose(neighbours.similarity.toarray(), _cosine(seen), atol=1e-9)
    scores = neighbours.scores(sp.csr_matrix(np.ones([1, NUM_ITEMS])))
    assert np.isfinite(scores).all()
    assert scores[0, 5] == 0


def test_the_interactions_are_not_mutated():
    given = sp.csr_matrix(COUNTS)
    ItemNeighbours(given)
    np.testing.assert_array_equal(given.toarray(), COUNTS)


def test_the_checkerboard():
    """After implicit's tests: who saw some items of a group is recommended the others of it."""
    users, items = np.indices([30, NUM_ITEMS])
    seen = (users % 3 == items % 3) & (RNG.random(users.shape) < 0.7)
    scores = ItemNeighbours(sp.csr_matrix(seen)).scores(sp.csr_matrix(seen))
    scores[seen] = -1
    fresh = ~seen.all(axis=1) & ((users % 3 == items % 3) & ~seen).any(axis=1) & seen.any(axis=1)
    assert fresh.sum() > 10
    assert (np.argmax(scores, axis=1)[fresh] % 3 == np.arange(30)[fresh] % 3).all()
