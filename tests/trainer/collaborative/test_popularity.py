"""Popularity."""

import numpy as np
import tensorflow as tf

from tests.trainer.collaborative.small_matrix import HISTORY_ROWS, random_matrix
from trainer.collaborative.popularity import Popularity


def test_the_logarithm_of_the_users_of_each_item_for_everybody():
    matrix = random_matrix()
    scores = Popularity(matrix).scores(tf.constant(HISTORY_ROWS)).numpy()
    expected = np.log1p(matrix.binary.toarray().sum(axis=0))
    assert len(np.unique(expected)) > 3
    np.testing.assert_allclose(scores, np.tile(expected, [len(HISTORY_ROWS), 1]), rtol=1e-6)
