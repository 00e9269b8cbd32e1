"""Noise in the order: repeatable, and a draw by the right odds."""

import numpy as np
import tensorflow as tf

from serving.exploration import explored
from trainer.graphs import graph_function

NUM_ITEMS = 6
ORDER = np.float32([1.0, 0.5, 0.0, -0.5])
ROWS = np.int32([5, 0, 3, 2])


@graph_function(reduce_retracing=True)
def _in_graph(order, rows, strength, seed):
    return explored(order, rows, strength, seed, NUM_ITEMS)


def _explored(strength, seeds, order=ORDER, rows=ROWS):
    count = len(seeds)
    return _in_graph(
        tf.constant(np.tile(order, [count, 1])),
        tf.constant(np.tile(rows, [count, 1])),
        tf.fill([count], strength),
        tf.constant(seeds, tf.int64),
    ).numpy()


def test_a_seed_always_gives_the_same_and_another_seed_something_else():
    first, again, other = _explored(0.7, [3, 3, 4])
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, _explored(0.7, [3])[0])  # whoever asks beside it
    assert np.abs(first - other).max() > 0.1


def test_the_noise_goes_with_the_item_not_its_place():
    turned = _explored(0.7, [3], ORDER[::-1], ROWS[::-1])[0]
    np.testing.assert_array_equal(turned[::-1], _explored(0.7, [3])[0])


def test_without_strength_nothing_changes():
    np.testing.assert_array_equal(_explored(0.0, [1])[0], ORDER)


def test_the_first_two_are_drawn_by_the_odds_of_plackett_and_luce():
    strength, draws = 0.5, 20_000
    best = np.argsort(-_explored(strength, np.arange(draws)), axis=1)[:, :2]
    odds = np.exp(ORDER / strength)
    for first in range(4):
        for second in range(4):
            if first == second:
                continue
            expected = odds[first] / odds.sum() * odds[second] / (odds.sum() - odds[first])
            share = ((best[:, 0] == first) & (best[:, 1] == second)).mean()
            assert abs(share - expected) < 5 * np.sqrt(expected / draws) + 1e-4, (first, second)


def test_a_batch_of_nobody():
    none = _in_graph(tf.zeros([0, 4]), tf.zeros([0, 4], tf.int32), tf.zeros([0]), tf.zeros([0], tf.int64))
    assert none.shape == (0, 4)
