"""Maximal marginal relevance against a plain loop."""

import numpy as np
import pytest
import tensorflow as tf

from serving.diversity import diversified

RNG = np.random.default_rng(0)
B, K, D = 5, 12, 4
ORDER = RNG.normal(size=[B, K]).astype(np.float32)
DIRECTIONS = RNG.normal(size=[B, K, D])
DIRECTIONS = (DIRECTIONS / np.linalg.norm(DIRECTIONS, axis=-1, keepdims=True)).astype(np.float32)
VALID = RNG.random([B, K]) < 0.7
DIVERSITY = np.float32([0.0, 0.2, 0.5, 0.9, 1.0])


def _oracle(order, directions, valid, diversity, k):
    left = np.flatnonzero(valid).tolist()
    spread = order[valid].max() - order[valid].min()
    relevance = (order - order[valid].min()) / spread
    chosen = [max(left, key=lambda i: relevance[i])]
    while len(chosen) < min(k, valid.sum()):
        left.remove(chosen[-1])
        chosen.append(
            max(
                left,
                key=lambda i: (
                    (1 - diversity) * relevance[i]
                    - diversity * max(directions[i] @ directions[j] for j in chosen)
                ),
            )
        )
    return chosen


@pytest.mark.parametrize("k", [1, 4, K])
def test_places_are_those_of_a_loop(k):
    found = diversified(*map(tf.constant, (ORDER, DIRECTIONS, VALID, DIVERSITY, k))).numpy()
    assert found.shape == (B, k)
    for row in range(B):
        expected = _oracle(ORDER[row], DIRECTIONS[row], VALID[row], DIVERSITY[row], k)
        assert found[row, : len(expected)].tolist() == expected


def test_a_twin_gives_way_to_something_else():
    order = np.float32([[3.0, 2.9, 1.0]])
    directions = np.float32([[[1, 0], [1, 0], [0, 1]]])
    valid = np.ones([1, 3], bool)
    places = [
        diversified(*map(tf.constant, (order, directions, valid, np.float32([diversity]), 3))).numpy()[0]
        for diversity in (0.0, 0.6)
    ]
    assert [p.tolist() for p in places] == [[0, 1, 2], [0, 2, 1]]
