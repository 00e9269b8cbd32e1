"""Factors of items, users and histories against NumPy, and planted ones that they find."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from trainer.history_factors import HistoryFactors

ITEMS, USERS, DIM, L2 = 5, 3, 2, 0.01
RNG = np.random.default_rng(2)
ROWS = np.array([[0, 4], [2, 2]], np.int32)
PEOPLE = np.array([1, 2])
HISTORY = np.array([[1, 3, 0], [2, 0, 0]], np.int32)
PRESENT = np.array([[1, 1, 0], [0, 0, 0]], np.float32)
VALUES = np.array([[0.5, -1.0, 9.0], [9.0, 9.0, 9.0]], np.float32)


@pytest.fixture
def layer():
    layer = HistoryFactors(ITEMS, USERS, DIM, L2)
    layer(ROWS, PEOPLE, HISTORY, PRESENT, VALUES)
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.get_weights()])
    return layer


def test_equal_the_oracle(layer):
    candidate, valued, seen, user, item_bias, user_bias = layer.get_weights()
    actual = layer(ROWS, PEOPLE, HISTORY, PRESENT, VALUES)
    queries = user[PEOPLE].astype(np.float64)
    queries[0] += (seen[1] + seen[3] + 0.5 * valued[1] - 1.0 * valued[3]) / np.sqrt(2 + 10)
    products = candidate[ROWS] * queries[:, np.newaxis]
    biases = item_bias[ROWS, 0] + user_bias[PEOPLE]
    np.testing.assert_allclose(actual.products, products, atol=1e-6)
    np.testing.assert_allclose(actual.biases, biases, atol=1e-6)
    np.testing.assert_allclose(actual.total, products.sum(axis=-1) + biases, atol=1e-6)


def test_rows_of_padding_are_not_looked_up(layer):
    padded = np.where(PRESENT > 0, HISTORY, -1)
    for actual, expected in zip(
        layer(ROWS, PEOPLE, padded, PRESENT, VALUES),
        layer(ROWS, PEOPLE, HISTORY, PRESENT, VALUES),
        strict=True,
    ):
        np.testing.assert_array_equal(actual, expected)


def test_the_prior_is_the_sum_of_all_squares(layer):
    squares = sum(np.square(w).sum() for w in layer.get_weights())
    np.testing.assert_allclose(tf.add_n(layer.losses), L2 * squares, rtol=1e-5)


def test_start_near_nothing():
    """An untrained model answers with the means alone."""
    tf_keras.utils.set_random_seed(0)
    total = HistoryFactors(ITEMS, USERS, 32, L2)(ROWS, PEOPLE, HISTORY, PRESENT, VALUES).total
    assert np.abs(total).max() < 0.1


def test_find_planted_tastes():
    """Two groups of items; who values one above what was expected, values its other items so.

    Half of the users are not trained on: of them the histories alone can tell.
    """
    rng, num_items, num_users = np.random.default_rng(0), 20, 400
    taste = rng.choice([-1.0, 1.0], num_users)
    group = np.where(np.arange(num_items) % 2, 1.0, -1.0)
    items = np.stack([rng.permutation(num_items)[:6] for _ in range(num_users)]).astype(np.int32)
    values = (taste[:, np.newaxis] * group[items] + 0.3 * rng.normal(size=items.shape)).astype(np.float32)
    layer = HistoryFactors(num_items, num_users // 2 + 1, 4, 1e-3)
    users = np.minimum(np.arange(num_users), num_users // 2)
    arguments = [items[:, :1], users, items[:, 1:], np.ones([num_users, 5], np.float32), values[:, 1:]]
    train = [tf.constant(x[: num_users // 2]) for x in arguments]
    layer(*train)
    optimizer = tf_keras.optimizers.Adam(0.05)
    optimizer.build(layer.trainable_variables)

    @tf.function(autograph=False)
    def step():
        with tf.GradientTape() as tape:
            errors = layer(*train).total - values[: num_users // 2, :1]
            loss = tf.reduce_mean(tf.square(errors)) + tf.add_n(layer.losses)
        gradients = tape.gradient(loss, layer.trainable_variables)
        optimizer.apply_gradients(zip(gradients, layer.trainable_variables, strict=True))

    for _ in range(200):
        step()
    answers = layer(*[x[num_users // 2 :] for x in arguments]).total[:, 0]
    labels = values[num_users // 2 :, 0]
    assert np.mean((answers - labels) ** 2) < 0.4 * np.mean(labels**2)
