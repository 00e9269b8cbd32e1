"""What the ranking model is told of the training split."""

import numpy as np
import tensorflow as tf

from pipeline.config.ranking import TaskConfig
from trainer.train_ranking import _value_statistics

NUM_ITEMS = 3
ROWS = np.array([0, 2, 0, 3, 2, 0, 0], np.int32)  # row 3 stands for unknown items
VALUES = np.array([5.0, 1.0, 3.0, 2.0, 4.0, 4.0, 1.0], np.float32)
RATING = TaskConfig(name="rating", kind="value")
ALL_ENGAGED = np.ones(len(ROWS), np.float32)
ENGAGED = np.array([1, 1, 1, 1, 0, 0, 1], np.float32)
EVENT = TaskConfig(name="bought", kind="event", event_type="purchase")


def _train(engaged=ALL_ENGAGED, **labels):
    return tf.data.Dataset.from_tensor_slices({"item_id": ROWS, "engaged": engaged, **labels}).batch(3)


def test_counts_sums_and_standard_deviation():
    statistics = _value_statistics(_train(label_rating=VALUES), (EVENT, RATING), NUM_ITEMS)
    assert statistics.counts.tolist() == [4, 0, 2, 1]
    np.testing.assert_allclose(statistics.sums, [13.0, 0.0, 5.0, 2.0])
    np.testing.assert_allclose(statistics.std, VALUES.std(), rtol=1e-6)


def test_exposures_are_left_out():
    statistics = _value_statistics(_train(ENGAGED, label_rating=VALUES), (RATING,), NUM_ITEMS)
    assert statistics.counts.tolist() == [3, 0, 1, 1]
    np.testing.assert_allclose(statistics.sums, [9.0, 0.0, 1.0, 2.0])
    np.testing.assert_allclose(statistics.std, VALUES[ENGAGED > 0].std(), rtol=1e-6)
    assert statistics.num_examples == len(ROWS)


def test_equal_values_have_no_spread():
    """Rounding must not take the root of less than nothing."""
    values = np.full(len(ROWS), 0.1, np.float32)
    statistics = _value_statistics(_train(label_rating=values), (RATING,), NUM_ITEMS)
    np.testing.assert_allclose(statistics.std, 0.0, atol=1e-4)


def test_without_values_items_are_counted():
    statistics = _value_statistics(_train(), (EVENT,), NUM_ITEMS)
    assert statistics.counts.tolist() == [4, 0, 2, 1]
    assert statistics.sums.tolist() == [0, 0, 0, 0]
    assert statistics.std == 0
