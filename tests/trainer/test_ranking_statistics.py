"""What the log says of candidates and histories, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.small_bert import unit
from trainer.ranking_statistics import CandidateTables, OwnEvents, RankingStatistics, similarity_statistics

UNKNOWN, VALUE_STD = 6, 1.3
COUNTS = np.array([3.0, 1.0, 0.0, 5.0, 2.0, 4.0, 1.0])
SUMS = np.array([9.0, 5.0, 0.0, 12.0, 8.0, 20.0, 2.0])
MEAN = SUMS.sum() / COUNTS.sum()
# The third has an unknown item in it; the fourth is all unknown; the last one fills all places.
HISTORIES = np.array(
    [[1, 3, -1, -1], [-1, -1, -1, -1], [UNKNOWN, 2, 5, -1], [UNKNOWN, UNKNOWN, -1, -1], [4, 5, 0, 2]],
    np.int32,
)
VALUES = np.where(HISTORIES >= 0, [[5.0, 1.0, 2.0, 4.0]], 0.0).astype(np.float32)


def _tables(counts=COUNTS, sums=SUMS):
    return CandidateTables(np.zeros([7, 2]), np.zeros([7, 2]), {}, counts, sums)


@pytest.fixture(scope="module")
def statistics():
    return RankingStatistics(_tables(), VALUE_STD)


def _history(statistics, values=VALUES, histories=HISTORIES):
    features = {"history_item_ids": tf.constant(histories)}
    return statistics.history(features if values is None else {**features, "history_values": values})


def _deviations(rows, counts=COUNTS, sums=SUMS):
    """The mean with five interactions of the overall mean, standardised."""
    return ((sums[rows] + 5 * MEAN) / (counts[rows] + 5) - MEAN) / VALUE_STD


def test_the_mean_value_of_the_tables():
    np.testing.assert_allclose(_tables().mean_value, MEAN)
    nothing = np.zeros(7)
    assert _tables(nothing, nothing).mean_value == 0


def test_equal_values_have_no_spread_to_divide_by():
    assert RankingStatistics(_tables(), 0.0).value_std > 0


def test_no_item_is_the_unknown_one(statistics):
    assert statistics.known_rows(tf.constant([[-1, 0, UNKNOWN]])).numpy().tolist() == [[UNKNOWN, 0, UNKNOWN]]


class TestItems:
    def test_are_those_of_all_interactions(self, statistics):
        rows = np.array([[0, 2, UNKNOWN]])
        actual = statistics.items(tf.constant(rows))
        np.testing.assert_allclose(actual.popularity, np.log1p(COUNTS[rows]), rtol=1e-6)
        np.testing.assert_allclose(actual.deviation, _deviations(rows), atol=1e-6)

    def test_their_own_events_are_taken_out(self, statistics):
        rows, own = np.array([[0, 1, 5]]), np.array([[4.0, 5.0, 3.0]], np.float32)
        actual = statistics.items(tf.constant(rows), OwnEvents(tf.ones_like(own), tf.constant(own)))
        counts, sums = COUNTS.copy(), SUMS.copy()
        counts[rows] -= 1
        sums[rows] -= own
        np.testing.assert_allclose(actual.popularity, np.log1p(counts[rows]), rtol=1e-6)
        np.testing.assert_allclose(actual.deviation, _deviations(rows, counts, sums), atol=1e-6)


class TestHistory:
    @staticmethod
    def _oracle(history, values):
        """One history; items that the corpus does not hold are left out."""
        known = (history >= 0) & (history < UNKNOWN)
        above = np.zeros(len(history))
        above[known] = (values[known] - MEAN) / VALUE_STD - _deviations(history[known])
        usual = above.sum() / (known.sum() + 5)
        residuals = np.where(known, above - usual, 0.0)
        spread = np.sqrt((residuals**2).sum() / (known.sum() + 1))
        return known, np.log1p(known.sum()), usual, spread, residuals

    def test_equals_the_oracle(self, statistics):
        actual = _history(statistics)
        expected = [self._oracle(*pair) for pair in zip(HISTORIES, VALUES, strict=True)]
        names = ("present", "length", "usual", "spread", "residuals")
        for name, values in zip(names, map(np.array, zip(*expected, strict=True)), strict=True):
            np.testing.assert_allclose(getattr(actual, name), values, atol=1e-5, err_msg=name)

    def test_rows_are_such_that_can_be_looked_up(self, statistics):
        assert (
            _history(statistics).rows.numpy().tolist()
            == np.where((HISTORIES < 0) | (HISTORIES == UNKNOWN), 0, HISTORIES).tolist()
        )

    @pytest.mark.parametrize("garbage", [99.0, np.nan])
    def test_padding_content_does_not_matter(self, statistics, garbage):
        values = np.where(HISTORIES >= 0, VALUES, garbage).astype(np.float32)
        for actual, expected in zip(_history(statistics, values), _history(statistics), strict=True):
            np.testing.assert_array_equal(actual, expected)

    def test_without_values_nothing_is_above_or_below(self, statistics):
        actual = _history(statistics, values=None)
        for name in ("usual", "spread", "residuals"):
            assert not np.any(getattr(actual, name)), name
        np.testing.assert_array_equal(actual.length, _history(statistics).length)

    def test_the_own_event_is_taken_out_of_a_repeated_item(self, statistics):
        """The first history holds the example's item; the mean of that item is one of the others' values."""
        rows, own = np.full([5, 1], 1, np.int32), np.full([5, 1], 4.0, np.float32)
        features = {"history_item_ids": tf.constant(HISTORIES), "history_values": tf.constant(VALUES)}
        events = OwnEvents(tf.ones_like(own), tf.constant(own))
        actual = statistics.history(features, tf.constant(rows), events)
        counts, sums = COUNTS.copy(), SUMS.copy()
        counts[1] -= 1
        sums[1] -= 4.0
        above = (VALUES[0, :2] - MEAN) / VALUE_STD - _deviations(HISTORIES[0, :2], counts, sums)
        np.testing.assert_allclose(actual.residuals[0, :2], above - above.sum() / 7, atol=1e-5)
        np.testing.assert_array_equal(actual.residuals[1:], _history(statistics).residuals[1:])


def test_pairs_are_both_sides_statistics(statistics):
    rows, history = tf.constant(np.tile([[0, UNKNOWN]], (5, 1))), _history(statistics)
    counts, means = statistics.pairs(rows, None, history)
    items = statistics.items(rows)
    for side, (of_items, *of_history) in (
        (counts, (items.popularity, history.length)),
        (means, (items.deviation, history.usual, history.spread)),
    ):
        np.testing.assert_array_equal(side[..., 0], of_items)
        for place, x in enumerate(of_history, start=1):
            np.testing.assert_array_equal(side[..., place], np.stack([x, x], axis=1))


def test_similarities_to_the_nearest_item_and_on_average():
    rng = np.random.default_rng(0)
    candidates, items = (unit(rng.normal(size=[3, n, 4])).astype(np.float32) for n in (2, 5))
    present = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0]], np.float32)
    actual = similarity_statistics(candidates, items, tf.constant(present)).numpy()
    for b in range(3):
        similarity = candidates[b] @ items[b, present[b] > 0].T
        expected = np.zeros([2, 2]) if b == 2 else np.stack([similarity.max(1), similarity.mean(1)], axis=1)
        np.testing.assert_allclose(actual[b], expected, atol=1e-6)
