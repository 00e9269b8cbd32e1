"""Slices against what the log says, row by row."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from pipeline.config.evaluation import EvaluationConfig
from serving.list_evaluation.attribute_slices import attribute_slices
from serving.list_evaluation.requests import ListRequests
from serving.list_evaluation.slices import (
    by_activity,
    by_age,
    by_values,
    popularity_thirds,
    request_slices,
    single_values,
)
from tests.serving.list_evaluation.small_split import DAY, ENDS, NUM_ITEMS, SETTINGS, city_of, make_items


@pytest.fixture(scope="module")
def requests(data):
    return ListRequests(data, 200, seed=0)


@pytest.fixture(scope="module")
def rows(requests):
    """The requests, as the log has them."""
    return requests.data.table.take(pa.array(requests.queries)).to_pylist()


@pytest.fixture(scope="module")
def events(log):
    """What was engaged with."""
    return [row for row in log.to_pylist() if row["event_type"] != "shown"]


@pytest.fixture(scope="module")
def counts(events):
    learnt = [int(row["item_id"][1:]) for row in events if row["timestamp"] < ENDS["train"] * DAY]
    return np.bincount(learnt, minlength=NUM_ITEMS)


@pytest.fixture(scope="module")
def slices(requests):
    config = EvaluationConfig(activity_edges=(0, 3), age_edges_days=(10, 30))
    return request_slices(requests.data, requests.queries, config)


def _value_of_each(values, num_requests):
    """The one value of each request."""
    found = np.full(num_requests, None, dtype=object)
    for value, places in values.items():
        assert (found[places] == None).all()  # noqa: E711  (element by element)
        assert len(places)
        found[places] = value
    return found.tolist()


def test_users_are_warm_if_training_has_an_event_of_theirs(slices, rows, events):
    warm = {row["user_id"] for row in events if row["timestamp"] < ENDS["train"] * DAY}
    expected = ["warm" if row["user_id"] in warm else "cold" for row in rows]
    assert _value_of_each(slices["user"], len(rows)) == expected
    assert len(set(expected)) == 2


def test_activity_counts_all_earlier_events(slices, rows, events):
    def label(row):
        number = sum(e["user_id"] == row["user_id"] and e["timestamp"] < row["timestamp"] for e in events)
        return "0" if number == 0 else "1-3" if number <= 3 else "over 3"

    expected = [label(row) for row in rows]
    assert _value_of_each(slices["user_activity"], len(rows)) == expected
    assert len(set(expected)) == 3


def test_items_are_cold_without_an_event_to_learn_from(slices, rows, counts):
    is_warm = [counts[int(row["item_id"][1:])] > 0 for row in rows]
    expected = ["warm" if warm else "cold" for warm in is_warm]
    assert _value_of_each(slices["item"], len(rows)) == expected
    assert slices["item_popularity"]["unseen"].tolist() == slices["item"]["cold"].tolist()
    assert len(set(expected)) == 2


def test_items_age_from_their_first_event(slices, rows, events):
    def label(row):
        first = min(e["timestamp"] for e in events if e["item_id"] == row["item_id"])
        days = (row["timestamp"] - first) / DAY
        return "under 10 days" if days < 10 else "10-29 days" if days < 30 else "30 days or more"

    expected = [label(row) for row in rows]
    assert _value_of_each(slices["item_age"], len(rows)) == expected
    assert len(set(expected)) == 3


def test_every_request_has_a_popularity(slices, rows):
    assert set(_value_of_each(slices["item_popularity"], len(rows))) > {"unseen"}


class TestThirds:
    def test_each_third_has_a_third_of_the_events(self):
        counts = np.random.default_rng(0).permutation((1000 / np.arange(1, 400)).astype(int))
        thirds = popularity_thirds(counts)
        for third in (1, 2, 3):
            # An item, or some of one count, may lie across the bound.
            assert counts[thirds == third].sum() / counts.sum() == pytest.approx(1 / 3, abs=0.1)
        assert counts[thirds == 3].min() > counts[thirds == 2].max()
        assert counts[thirds == 2].min() > counts[thirds == 1].max()

    def test_by_hand(self):
        # Of 12 events the shares above are 0, 6/12, 9/12 and 11/12.
        assert popularity_thirds(np.array([0, 1, 6, 2, 3])).tolist() == [0, 1, 3, 1, 2]

    def test_items_of_one_count_stay_together(self):
        assert popularity_thirds(np.array([4, 4, 4, 0])).tolist() == [3, 3, 3, 0]

    def test_without_events_nothing_was_seen(self):
        assert popularity_thirds(np.zeros(3, int)).tolist() == [0, 0, 0]


def test_labels_of_activity():
    parts = by_activity(np.array([0, 1, 5, 6, 20, 21, 100, 101]), (0, 5, 20, 100))
    assert {name: places.tolist() for name, places in parts.items()} == {
        "0": [0],
        "1-5": [1, 2],
        "6-20": [3, 4],
        "21-100": [5, 6],
        "over 100": [7],
    }
    assert list(by_activity(np.array([0, 9]), (5, 6))) == ["0-5", "over 6"]


def test_labels_of_age():
    parts = by_age(np.array([0, 6.9, 7, 29.9, 30]), (7, 30))
    assert {name: places.tolist() for name, places in parts.items()} == {
        "under 7 days": [0, 1],
        "7-29 days": [2, 3],
        "30 days or more": [4],
    }


class TestValues:
    def test_a_request_of_two_values_is_in_both_parts(self):
        lists = pa.array([["a", "b", "a"], [], ["b"], None])
        parts = by_values(lists)
        assert {name: places.tolist() for name, places in parts.items()} == {
            "b": [0, 2],
            "a": [0],
            "(none)": [1, 3],
        }

    def test_rare_values_are_put_together(self):
        lists = pa.array([[f"v{i % 22:02}"] for i in range(40)])
        parts = by_values(lists)
        assert len(parts) == 21
        # 18 values are there twice; of the others two are named, the first ones.
        assert parts["(others)"].tolist() == [20, 21]
        assert sum(len(places) for places in parts.values()) == 40

    def test_nobody_has_a_value(self):
        assert {
            name: len(places)
            for name, places in by_values(pa.array([[], None], pa.list_(pa.string()))).items()
        } == {"(none)": 2}


def test_one_value_a_request_and_features_of_several_are_left_out():
    slices = {
        "user": {"cold": np.array([0, 3]), "warm": np.array([1])},
        "genres": {"a": np.array([0, 1, 2]), "b": np.array([0, 3])},
    }
    found = single_values(slices, 4)
    assert {name: values.tolist() for name, values in found.items()} == {"user": ["cold", "warm", "", "cold"]}


class TestAttributes:
    @pytest.fixture(scope="class")
    def attributes(self, requests, folders):
        names = ("weekday", "item_genre", "hour_of_day", "user_city", "event_type")
        return attribute_slices(requests.data, requests.queries, names, SETTINGS.feature_set, folders[1])

    def test_all_that_are_asked_for_in_their_order(self, attributes):
        assert list(attributes) == ["weekday", "item_genre", "hour_of_day", "user_city", "event_type"]

    def test_of_the_user(self, attributes, rows):
        expected = [city_of(row["user_id"]) or "(none)" for row in rows]
        assert _value_of_each(attributes["user_city"], len(rows)) == expected
        assert set(expected) == {"north", "south", "(none)"}

    def test_of_the_target(self, attributes, rows):
        genres = dict(
            zip(*(make_items()[name].to_pylist() for name in ("item_id", "item_genre")), strict=True)
        )
        for genre in ("drama", "comedy", "classic"):
            expected = [i for i, row in enumerate(rows) if genre in (genres[row["item_id"]] or ())]
            assert attributes["item_genre"][genre].tolist() == expected

    def test_of_the_moment(self, attributes, rows):
        moments = [datetime.datetime.fromtimestamp(row["timestamp"], datetime.timezone.utc) for row in rows]
        assert _value_of_each(attributes["hour_of_day"], len(rows)) == [f"{m:%H}" for m in moments]
        assert _value_of_each(attributes["weekday"], len(rows)) == [f"{m:%A}" for m in moments]

    def test_of_the_event(self, attributes, rows):
        assert {name: len(places) for name, places in attributes["event_type"].items()} == {
            "click": len(rows)
        }
