"""What the ranking model is told of the training split."""

import numpy as np
import tensorflow as tf

from pipeline.config.ranking import RankingConfig, TaskConfig
from trainer.calibration import IDENTITY
from trainer.train_ranking import _calibrate, _value_statistics

NUM_ITEMS = 3
ROWS = np.array([0, 2, 0, 3, 2, 0, 0], np.int32)  # row 3 stands for unknown items
VALUES = np.array([5.0, 1.0, 3.0, 2.0, 4.0, 4.0, 1.0], np.float32)
RATING = TaskConfig(name="rating", kind="value")
ALL_ENGAGED = np.ones(len(ROWS), np.float32)
ENGAGED = np.array([1, 1, 1, 1, 0, 0, 1], np.float32)
READING = TaskConfig(name="reading", kind="dwell")
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


def test_dwelling_has_a_scale_of_its_own_and_is_no_value():
    weights = np.array([1, 1, 0, 1, 1, 0, 1], np.float32)
    train = _train(label_reading=VALUES, weight_reading=weights)
    statistics = _value_statistics(train, (READING, EVENT), NUM_ITEMS)
    known = VALUES[weights > 0]
    np.testing.assert_allclose(statistics.scales["reading"], (known.mean(), known.std()), rtol=1e-6)
    assert statistics.sums.tolist() == [0, 0, 0, 0]


def test_a_scale_without_a_label_or_a_spread_divides_by_one():
    train = _train(label_reading=VALUES, weight_reading=np.zeros(len(ROWS), np.float32))
    assert _value_statistics(train, (READING,), NUM_ITEMS).scales["reading"] == (0.0, 1.0)
    train = _train(label_reading=np.full(len(ROWS), 2.0, np.float32), weight_reading=ALL_ENGAGED)
    assert _value_statistics(train, (READING,), NUM_ITEMS).scales["reading"] == (2.0, 1.0)


class _Bold:
    """A model whose logits, given as its queries, are three times too large."""

    def score(self, features, query_embeddings, rows):
        return {"bought": query_embeddings, "rating": query_embeddings}


def test_calibration_repairs_a_planted_error_and_says_so():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=[4000, 1]).astype(np.float32)
    labels = (rng.random(4000) < 1 / (1 + np.exp(-truth[:, 0]))).astype(np.float32)
    columns = {
        "query_embedding": 3 * truth,
        "item_id": np.zeros(4000, np.int32),
        "label_bought": labels,
        "weight_bought": np.ones(4000, np.float32),
    }
    batches = tf.data.Dataset.from_tensor_slices(columns).batch(1500)
    history = {}
    fitted = _calibrate(_Bold(), RankingConfig(tasks=(RATING, EVENT)), batches, history)
    assert set(fitted) == {"bought"}
    np.testing.assert_allclose(fitted["bought"].slope, 1 / 3, rtol=0.1)
    before, after = history["bought_calibration_error"]
    assert before > 0.1
    assert after < 0.03
    one_class = batches.map(lambda batch: {**batch, "label_bought": tf.ones_like(batch["label_bought"])})
    assert _calibrate(_Bold(), RankingConfig(tasks=(EVENT,)), one_class, {}) == {"bought": IDENTITY}
