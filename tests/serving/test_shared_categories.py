"""Categories that an item shares with a history, against NumPy."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from serving.shared_categories import SHOWN, SharedCategories

GENRES = [["a"], ["a", "b"], ["b", "c"], [], ["a", "b", "c"], ["d"]]
KINDS = [["x"], ["x"], ["y"], ["y"], ["x"], ["x"]]
NUM_ITEMS = len(GENRES)
ITEM_IDS = np.array([f"i{i}".encode() for i in range(NUM_ITEMS)], object)
TABLE = pa.table(
    {
        "item_id": [*(f"i{i}" for i in range(NUM_ITEMS)), "other"],
        "genre": [*GENRES, ["a"]],
        "kind": [*KINDS, []],
    }
)
HISTORY = np.int32([[0, 1, 4, NUM_ITEMS], [3, -1, -1, -1], [-1] * 4])
ROWS = np.int32([[0, 2, 5], [3, 2, NUM_ITEMS], [0, 1, 4]])


@pytest.fixture(scope="module")
def categories():
    return SharedCategories(TABLE, ITEM_IDS)


def _of(item):
    if item == NUM_ITEMS:
        return []
    return [f"genre={genre}" for genre in GENRES[item]] + [f"kind={kind}" for kind in KINDS[item]]


def _share(category, items):
    return sum(category in _of(item) for item in items) / len(items) if items else 0.0


def test_those_that_the_history_has_more_often_than_the_corpus(categories):
    names, weights = (x.numpy() for x in categories.shared(tf.constant(ROWS), tf.constant(HISTORY)))
    assert names.shape == weights.shape == (*ROWS.shape, SHOWN)
    for row, history in enumerate(HISTORY):
        known = [item for item in history if 0 <= item < NUM_ITEMS]
        for place, item in enumerate(ROWS[row]):
            excess = {c: _share(c, known) - _share(c, range(NUM_ITEMS)) for c in _of(item)}
            best = sorted((c for c in excess if excess[c] > 0), key=lambda c: (-excess[c], c))[:SHOWN]
            found = [name.decode() for name in names[row, place] if name]
            assert sorted(excess[c] for c in found) == pytest.approx(sorted(excess[c] for c in best))
            assert weights[row, place, : len(found)] == pytest.approx([_share(c, known) for c in found])
            assert not weights[row, place, len(found) :].any()
    assert not names[2].any()  # without a history nothing is shared


def test_nobody_and_empty_lists(categories):
    names, weights = categories.shared(tf.zeros([0, 3], tf.int32), tf.zeros([0, 2], tf.int32))
    assert names.shape == weights.shape == (0, 3, SHOWN)
    assert categories.shared(tf.zeros([2, 0], tf.int32), tf.zeros([2, 0], tf.int32))[0].shape == (2, 0, SHOWN)


def test_items_without_any_category():
    none = SharedCategories(TABLE.select(["item_id"]), ITEM_IDS)
    names, weights = none.shared(tf.constant(ROWS), tf.constant(HISTORY))
    assert not names.numpy().any()
    assert not weights.numpy().any()
