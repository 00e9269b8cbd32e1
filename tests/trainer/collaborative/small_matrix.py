"""Small interaction matrices, and what every source is asked by."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from trainer.collaborative.interaction_matrix import InteractionMatrix

NUM_USERS, NUM_ITEMS = 30, 12
PAD, UNKNOWN = -1, NUM_ITEMS

# An order of its own, padding in the middle, an unknown item, one twice, and no history.
HISTORY_ROWS = np.array(
    [
        [4, PAD, 1, 7],
        [PAD, PAD, PAD, PAD],
        [UNKNOWN, 3, PAD, 3],
        [11, 0, 5, 5],
        [UNKNOWN, UNKNOWN, PAD, PAD],
    ],
    np.int32,
)
SETS = [[1, 4, 7], [], [3], [0, 5, 11], []]


def random_matrix(seed: int = 0, with_values: bool = False) -> InteractionMatrix:
    """A random matrix; user 0 engaged with everything, item 6 is nobody's but user 0's."""
    rng = np.random.default_rng(seed)
    seen = rng.random([NUM_USERS, NUM_ITEMS]) < 0.35
    seen[:, 6] = False
    seen[0] = True
    values = np.where(seen, rng.integers(1, 6, seen.shape), 0).astype(np.float32)
    binary = sp.csr_matrix(seen.astype(np.float32))
    return InteractionMatrix(binary, sp.csr_matrix(values) if with_values else None)


def multi_hot(sets: list[list[int]], num_items: int = NUM_ITEMS) -> np.ndarray:
    """[B, N] float64 of lists of items."""
    dense = np.zeros([len(sets), num_items])
    for query, items in enumerate(sets):
        dense[query, items] = 1
    return dense


def checkerboard(seed: int = 0) -> np.ndarray:
    """[60, 18] bool: users like the items of their group of three, and saw some seven in ten of them."""
    rng = np.random.default_rng(seed)
    users, items = np.indices([60, 18])
    return (users % 3 == items % 3) & (rng.random(users.shape) < 0.7)
