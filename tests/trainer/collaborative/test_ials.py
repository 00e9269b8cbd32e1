"""Implicit alternating least squares, against NumPy and implicit."""

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from implicit.cpu.als import AlternatingLeastSquares

from pipeline.config.collaborative import IalsConfig
from tests.trainer.collaborative.small_matrix import (
    HISTORY_ROWS,
    NUM_ITEMS,
    NUM_USERS,
    SETS,
    multi_hot,
    random_matrix,
)
from trainer.collaborative.history import history_sets, padded_rows
from trainer.collaborative.ials import Ials

CONFIG = IalsConfig(factors=5, regularization=0.3, alpha=4.0, iterations=10)


@pytest.fixture(scope="module")
def source():
    return Ials(random_matrix(), CONFIG, seed=3)


def test_factors_of_a_request_solve_the_least_squares(source):
    """sum of c (p - x'y)^2 + regularization |x|^2, with p and c over the whole corpus."""
    items = source.item_factors.numpy().astype(np.float64)
    expected = []
    for engaged in multi_hot(SETS):
        confidence = 1 + CONFIG.alpha * engaged
        left = (items.T * confidence) @ items + CONFIG.regularization * np.eye(CONFIG.factors)
        expected.append(np.linalg.solve(left, items.T @ (confidence * engaged)))
    factors = source.query_factors(history_sets(tf.constant(HISTORY_ROWS), NUM_ITEMS))
    np.testing.assert_allclose(factors, expected, atol=1e-4)
    np.testing.assert_allclose(
        source.scores(tf.constant(HISTORY_ROWS)), np.array(expected) @ items.T, atol=1e-4
    )


@pytest.mark.filterwarnings("ignore:OpenBLAS")
def test_factors_of_a_training_user_are_implicits_own(source):
    binary = random_matrix().binary
    model = AlternatingLeastSquares(
        CONFIG.factors, CONFIG.regularization, alpha=1 + CONFIG.alpha, random_state=3, num_threads=1
    )
    model.iterations = CONFIG.iterations
    model.fit(binary, show_progress=False)
    np.testing.assert_allclose(source.item_factors, model.item_factors, atol=1e-5)
    theirs = model.recalculate_user(np.arange(NUM_USERS), binary)
    ours = source.query_factors(history_sets(tf.constant(padded_rows(binary)), NUM_ITEMS))
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_factors_follow_the_seed(source):
    again, other = Ials(random_matrix(), CONFIG, seed=3), Ials(random_matrix(), CONFIG, seed=4)
    np.testing.assert_array_equal(again.item_factors, source.item_factors)
    assert np.abs(other.item_factors.numpy() - source.item_factors.numpy()).max() > 1e-3


def test_what_was_engaged_with_scores_near_one():
    """With as many factors as items and hardly any regularization, the matrix itself is found."""
    binary = random_matrix().binary
    config = IalsConfig(factors=NUM_ITEMS, regularization=1e-3, alpha=0.0, iterations=100)
    scores = Ials(random_matrix(), config, seed=3).scores_of_matrix(sp.csr_matrix(binary))
    np.testing.assert_allclose(scores, binary.toarray(), atol=0.1)
