"""Factors told from what items say of themselves."""

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from sklearn.linear_model import Ridge

from pipeline.config.collaborative import ContentFactorsConfig
from tests.trainer.collaborative.small_matrix import NUM_ITEMS, checkerboard, random_matrix
from tests.trainer.small_world import make_corpus
from trainer.collaborative.content_factors import ContentFactors, singular_factors, told_factors
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.item_content import ItemContent, item_content
from trainer.corpus import Corpus

RNG = np.random.default_rng(3)


def _content(num_items=NUM_ITEMS, width=5):
    dense = RNG.normal(size=[num_items, width]).astype(np.float32)
    values = sp.csr_matrix((RNG.random([num_items, 4]) < 0.4).astype(float))
    return ItemContent(dense, values)


def test_factors_span_what_numpy_finds():
    binary = random_matrix().binary
    weighted = binary.toarray() / np.sqrt(binary.sum(axis=1).A + 10)
    expected = np.linalg.svd(weighted)[2][:4]
    factors = singular_factors(binary, 4, seed=0)
    assert factors.shape == (NUM_ITEMS, 4)
    np.testing.assert_allclose(factors @ factors.T, expected.T @ expected, atol=1e-6)


def test_told_factors_are_those_of_ridge_regression():
    content, engaged = _content(), np.arange(NUM_ITEMS) != 3
    factors = RNG.normal(size=[NUM_ITEMS, 2])
    rows = np.concatenate([block for _, block in content.blocks()])
    assert rows.shape == (NUM_ITEMS, content.width)
    model = Ridge(7.0, fit_intercept=False).fit(rows[engaged], factors[engaged])
    told = told_factors(content, factors, engaged, 7.0)
    np.testing.assert_allclose(told, model.predict(rows), atol=1e-6)


def test_scores_are_the_factors_of_the_history_with_those_told():
    source = ContentFactors(random_matrix(), _content(), ContentFactorsConfig(factors=3))
    item, told = source.item_factors.numpy(), source.told_factors.numpy()
    scores = source.scores(tf.constant([[4, 1, -1, 1]])).numpy()
    np.testing.assert_allclose(scores[0], told @ (item[4] + item[1]), atol=1e-6)


def test_items_that_nobody_knows_are_placed_by_their_content():
    """Of each group of three some items lost every interaction; what they are says which group is theirs."""
    seen = checkerboard()
    num_items = seen.shape[1]
    new = np.arange(num_items) >= num_items - 6
    seen[:, new] = False
    groups = np.eye(3, dtype=np.float32)[np.arange(num_items) % 3]
    groups += RNG.normal(scale=0.2, size=groups.shape)
    content = ItemContent(groups, sp.csr_matrix((num_items, 0)))
    matrix = InteractionMatrix(sp.csr_matrix(seen.astype(np.float32)))
    source = ContentFactors(matrix, content, ContentFactorsConfig(factors=3, regularization=0.1))
    np.testing.assert_allclose(source.item_factors.numpy()[new], 0, atol=1e-12)
    scores = source.scores_of_matrix(sp.csr_matrix(seen))[:, new]
    best = np.flatnonzero(new)[scores.argmax(axis=1)]
    known = seen.any(axis=1)
    assert (best % 3 == np.arange(len(seen)) % 3)[known].all()


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (3, 2)])
def test_small_matrices_have_fewer_factors(shape):
    factors = singular_factors(sp.csr_matrix(np.ones(shape, np.float32)), 32, seed=0)
    assert factors.shape[0] == shape[1]
    assert 1 <= factors.shape[1] <= min(shape)
    assert np.isfinite(factors).all()


class TestItemContent:
    def _corpus(self, **features):
        corpus = make_corpus(4)
        return Corpus(corpus.item_ids, corpus.titles, corpus.texts, features)

    def _values(self, max_values=10, **features):
        return item_content(self._corpus(**features), np.zeros([4, 2]), max_values)

    def test_an_items_values_have_length_one_together(self):
        genre = np.array([[0, 2], [2, -1], [-1, -1], [0, 0], [-1, -1]])
        values = self._values(genre=genre).values.toarray()
        half = np.sqrt(0.5)
        np.testing.assert_allclose(values, [[half, half], [0, 1], [0, 0], [1, 0]])

    def test_a_value_that_one_item_has_tells_nothing(self):
        assert self._values(year=np.array([3, 1, 1, 0, 9])).values.toarray().tolist() == [[0], [1], [1], [0]]

    def test_the_most_frequent_values_count(self):
        year, genre = np.array([0, 0, 0, 1, 9]), np.array([[1], [1], [0], [0], [-1]])
        assert self._values(1, year=year, genre=genre).values.toarray().tolist() == [[1], [1], [1], [0]]

    def test_vectors_have_length_one_and_numbers_do_not_count(self):
        sound = np.array([[3, 4], [0, 0], [0, 2], [1, 0], [0, 0]], np.float32)
        content = self._values(sound=sound, minutes=np.arange(5, dtype=np.float32))
        np.testing.assert_allclose(content.dense[:, 2:], [[0.6, 0.8], [0, 0], [0, 1], [1, 0]])
        assert content.width == 5
