"""EASE, against the regression that it solves."""

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

from pipeline.config.collaborative import EaseConfig
from tests.trainer.collaborative.small_matrix import HISTORY_ROWS, NUM_ITEMS, SETS, multi_hot, random_matrix
from trainer.collaborative import ease as module
from trainer.collaborative.ease import Ease, ease_weights

REGULARIZATION = 2.5


def _oracle(seen):
    """Each item's ridge regression on all others, one by one."""
    weights = np.zeros([NUM_ITEMS, NUM_ITEMS])
    for item in range(NUM_ITEMS):
        others = np.delete(np.arange(NUM_ITEMS), item)
        x = seen[:, others]
        gram = x.T @ x + REGULARIZATION * np.eye(len(others))
        weights[others, item] = np.linalg.solve(gram, x.T @ seen[:, item])
    return weights


WEIGHTS = _oracle(random_matrix().binary.toarray().astype(np.float64))


def test_weights_are_those_of_the_ridge_regressions():
    weights = ease_weights(random_matrix().binary, REGULARIZATION)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, WEIGHTS, atol=1e-6)


def test_scores_are_sums_of_weights():
    source = Ease(random_matrix(), EaseConfig(regularization=REGULARIZATION))
    np.testing.assert_allclose(source.scores(tf.constant(HISTORY_ROWS)), multi_hot(SETS) @ WEIGHTS, atol=1e-6)


@pytest.mark.parametrize("kept", [1, 4, 100])
def test_the_largest_weights_of_each_item_are_kept(monkeypatch, kept):
    monkeypatch.setattr(module, "_BLOCK_CELLS", 5 * NUM_ITEMS)  # several blocks, the last a smaller one
    source = Ease(random_matrix(), EaseConfig(regularization=REGULARIZATION, kept=kept))
    bounds = np.sort(np.abs(WEIGHTS), axis=0)[-min(kept, NUM_ITEMS)]
    expected = multi_hot(SETS) @ np.where(np.abs(WEIGHTS) >= bounds, WEIGHTS, 0)
    np.testing.assert_allclose(source.scores(tf.constant(HISTORY_ROWS)), expected, atol=1e-6)


def test_what_cannot_be_solved_is_said():
    """Two items of the same users, and so little regularization that rounding swallows it."""
    binary = sp.csr_matrix(np.ones([1000, 2], np.float32))
    with pytest.raises(ValueError, match=r"EASE with regularization 1e-300 is not solvable; raise it"):
        ease_weights(binary, 1e-300)
