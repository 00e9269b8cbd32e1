"""What Transform makes of a request's history, against plain Python."""

import numpy as np
import pytest

from pipeline.config.data import FeaturesConfig
from pipeline.config.ranking import TaskConfig
from pipeline.preprocessing import TransformSettings
from schemas.features import UNKNOWN_GAP, Statistic, Stream, TableLayout
from tests.pipeline.small_transform import small_transform

LAYOUT = TableLayout(has_event_type=True, has_dwell=True, exposure_types=("shown", "skipped"))
LENGTH, BUCKETS, DAY = 4, 3, 86400
SETTINGS = TransformSettings(
    layout=LAYOUT,
    features=FeaturesConfig(history_length=LENGTH, number_buckets=BUCKETS),
    tasks=(TaskConfig(name="click", kind="event", event_type="click"),),
)
FEATURES = SETTINGS.feature_set.history_features
NOW = 1_600_000_000
TYPES = ["click", "like", "click", "buy"]


def _row(seconds_ago, kind="click", **changes):
    """An interaction whose user did something at each of some moments, the oldest first."""
    count = len(seconds_ago)
    row = {
        "user_id": "u",
        "item_id": "i",
        "timestamp": NOW,
        "value": 1.0,
        "event_type": kind,
        "history_item_ids": [f"i{n}" for n in range(count)],
        "history_timestamps": [NOW - seconds for seconds in seconds_ago],
        "history_values": [float(n % 5 + 1) for n in range(count)],
        "history_event_types": [TYPES[n % 4] for n in range(count)],
        "history_dwell_seconds": [7.0 * n for n in range(count)],
    }
    return row | changes


# From no history to one that is longer than what is kept, in all windows and at their edges.
ROWS = [
    _row([], "shown"),
    _row([5]),
    _row([40 * DAY, 3], "skipped"),
    _row([30 * DAY, 7 * DAY, DAY]),
    _row([30 * DAY + 1, 7 * DAY + 1, DAY + 1]),
    _row([100 * DAY, 50 * DAY, 6 * DAY, 5000, 400, 1], "buy"),
    _row([90 * DAY]),
]
# What clients send: times after the request, lists that are missing, too short and too long.
REQUESTS = {
    "from the future": _row([10, 0, -50]),
    "far from now": _row([10], history_timestamps=[-(2**63)]),
    "without times": _row([20, 10], history_timestamps=[]),
    "too few times": _row([30, 20, 10], history_timestamps=[NOW - 20, NOW - 10]),
    "too many times": _row([30, 20, 10], history_item_ids=["last"]),
    "only items": {"user_id": "u", "timestamp": NOW, "history_item_ids": ["a", "b"]},
    "without dwelling": _row([20, 10], history_dwell_seconds=[]),
    "some dwelling": _row([20, 10], history_dwell_seconds=[9.0]),
    "an unknown type": _row([10], history_event_types=["never seen"]),
    "too few types": _row([20, 10], history_event_types=["like"]),
    "nothing": {"user_id": "", "timestamp": NOW},
    "times without items": {"user_id": "u", "timestamp": NOW, "history_timestamps": [NOW - 1]},
}


def _events(row):
    """The newest events as (age or None, dictionary of what else is known), the oldest first."""
    count = min(len(row.get("history_item_ids", [])), LENGTH)
    events = []
    for back in range(count, 0, -1):
        known = {
            name: row[name][-back] for name in row if name.startswith("history_") and len(row[name]) >= back
        }
        age = known.get("history_timestamps")
        events.append((None if age is None else max(NOW - max(age, -(2**40)), 0), known))
    return events


def _number(feature, row):
    """The number that a history feature is of; `None` if it is absent."""
    events = _events(row)
    counted = [(age, known) for age, known in events if age is not None]
    if feature.source is not None:
        counted = [(age, known) for age, known in counted if feature.source in known]
    if events and not counted:
        return None
    if feature.window_seconds is not None:
        counted = [(age, known) for age, known in counted if age <= feature.window_seconds]
    if feature.statistic == Statistic.COUNT:
        return len(counted)
    if feature.statistic == Statistic.RECENCY:
        return min((age for age, _ in counted), default=None)
    values = [known[feature.source] for _, known in counted]
    if feature.statistic == Statistic.SUM:
        return sum(values)
    return sum(values) / len(values) if values else None


def _shares(feature, rows):
    """log(1 + x) of each row as a share of the largest that is usual, NaN where absent."""
    numbers = [_number(feature, row) for row in rows]
    usual = {Statistic.RECENCY: 10 * 365 * 86400, Statistic.COUNT: LENGTH}
    highest = np.log1p(usual.get(feature.statistic, 1_000_000))
    return np.array([np.nan if x is None else np.log1p(max(x, 0)) / highest for x in numbers])


@pytest.fixture(scope="module")
def transform(tmp_path_factory):
    return small_transform(ROWS, SETTINGS, Stream.INTERACTIONS, tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def outputs(transform):
    return transform(ROWS)


@pytest.fixture(scope="module")
def asked(transform):
    """What each request is turned into."""
    answers = transform.requests(list(REQUESTS.values()))
    return {
        request: {name: values[row] for name, values in answers.items()}
        for row, request in enumerate(REQUESTS)
    }


def test_every_window_and_its_edge_are_in_the_rows():
    counts = {f.name: {_number(f, row) for row in ROWS} for f in FEATURES if f.statistic == Statistic.COUNT}
    assert all(len(values) > 2 for values in counts.values())
    assert len(FEATURES) == 7


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
class TestHistoryFeatures:
    def test_shares_equal_the_oracle(self, outputs, transform, feature):
        requests = list(REQUESTS.values())
        for rows, actual in ((ROWS, outputs), (requests, transform.requests(requests))):
            expected = np.nan_to_num(np.minimum(_shares(feature, rows), 1), nan=0.0)
            np.testing.assert_allclose(actual[feature.name], expected, rtol=1e-4, atol=1e-5)
            assert actual[feature.name].dtype == np.float32

    def test_buckets_are_even_and_the_last_means_absent(self, outputs, feature):
        shares, buckets = _shares(feature, ROWS), outputs[feature.bucket_name]
        absent = np.isnan(shares)
        assert (buckets[absent] == BUCKETS).all()
        expected = np.minimum(np.floor(shares[~absent] * BUCKETS), BUCKETS - 1)
        np.testing.assert_array_equal(buckets[~absent], expected)

    def test_an_age_equal_to_the_window_is_inside(self, outputs, feature):
        """Rows 3 and 4 differ by a second an event."""
        inside, outside = outputs[feature.name][3:5]
        assert inside > outside or feature.statistic in (Statistic.RECENCY, Statistic.MEAN)


def test_ages_are_those_of_the_newest_events(outputs):
    np.testing.assert_allclose(
        outputs["history_ages"][5], np.log1p([6 * DAY, 5000, 400, 1]).astype(np.float32), rtol=1e-6
    )
    np.testing.assert_allclose(outputs["history_ages"][2], [np.log1p(40 * DAY), np.log1p(3), 0, 0], rtol=1e-6)
    assert outputs["history_ages"].dtype == np.float32


def _gaps(row):
    """log(1 + seconds) from each of the newest events to the next, or to the request, or UNKNOWN_GAP."""
    times = [known.get("history_timestamps") for _, known in _events(row)]
    pairs = zip(times, [*times, row["timestamp"]][1:], strict=True)
    gaps = [
        UNKNOWN_GAP if time is None else np.log1p(max(after - max(time, -(2**40)), 0))
        for time, after in pairs
    ]
    return np.float32([*gaps, *[UNKNOWN_GAP] * (LENGTH - len(gaps))])


def test_gaps_equal_the_oracle(outputs, asked):
    for row, actual in zip(ROWS, outputs["history_gaps"], strict=True):
        np.testing.assert_allclose(actual, _gaps(row), rtol=1e-6)
    for name, row in REQUESTS.items():
        np.testing.assert_allclose(asked[name]["history_gaps"], _gaps({"timestamp": NOW, **row}), rtol=1e-6)
    assert outputs["history_gaps"].dtype == np.float32


def test_gaps_are_those_between_the_newest_events_and_to_the_request(outputs, asked):
    np.testing.assert_allclose(
        outputs["history_gaps"][5], np.log1p([6 * DAY - 5000, 4600, 399, 1]), rtol=1e-6
    )
    np.testing.assert_allclose(outputs["history_gaps"][1], [np.log1p(5), *[UNKNOWN_GAP] * 3], rtol=1e-6)
    # The second event comes as the request does, the third after it.
    np.testing.assert_allclose(
        asked["from the future"]["history_gaps"], [np.log1p(10), np.log1p(50), 0, UNKNOWN_GAP], rtol=1e-6
    )


def test_without_times_gaps_are_unknown(asked):
    for request in ("without times", "only items", "nothing", "times without items"):
        assert asked[request]["history_gaps"].tolist() == [UNKNOWN_GAP] * LENGTH
    # Of the oldest of three events no time is known.
    expected = [UNKNOWN_GAP, np.log1p(10), np.log1p(10), UNKNOWN_GAP]
    np.testing.assert_allclose(asked["too few times"]["history_gaps"], expected, rtol=1e-6)


def test_event_types_are_indices_beside_the_items(outputs, transform):
    words = transform.output.vocabulary_by_name("history_event_types")
    assert words[0] == b"click"
    # One that is no event's own type, but only a history's, is out of the vocabulary.
    assert b"like" not in words
    expected = [*(words.index(name) for name in (b"click", b"buy", b"click")), len(words)]
    assert outputs["history_event_types"][5].tolist() == expected
    assert outputs["history_event_types"][1].tolist() == [0, -1, -1, -1]
    assert outputs["history_dwell_seconds"][5].tolist() == [14, 21, 28, 35]


def test_exposures_are_not_engaged(outputs, asked):
    assert outputs["engaged"].tolist() == [0, 1, 0, 1, 1, 1, 1]
    assert "engaged" not in asked["nothing"]  # whether it will be, a request does not know


def test_requests_of_any_shape_give_finite_numbers_of_the_same_shape(asked, outputs):
    for name, features in asked.items():
        assert all(np.isfinite(x).all() for x in features.values() if x.dtype.kind == "f"), name
        assert all(features[key].shape == outputs[key].shape[1:] for key in features), name


def test_an_event_of_the_future_is_as_one_of_now(asked):
    np.testing.assert_allclose(asked["from the future"]["history_ages"], [np.log1p(10), 0, 0, 0], rtol=1e-6)


def test_lists_of_unequal_length_end_together(asked):
    ten, twenty = np.log1p([10, 20])
    np.testing.assert_allclose(asked["too few times"]["history_ages"], [0, twenty, ten, 0], rtol=1e-6)
    np.testing.assert_allclose(asked["too many times"]["history_ages"], [ten, 0, 0, 0], rtol=1e-6)
    assert asked["too many times"]["history_item_ids"].tolist() == [b"last", b"", b"", b""]
    assert asked["too many times"]["history_values"].tolist() == [3, 0, 0, 0]
    assert asked["some dwelling"]["history_dwell_seconds"].tolist() == [0, 9, 0, 0]


def test_without_times_ages_are_zero_and_the_features_absent(asked):
    for request in ("without times", "only items"):
        assert asked[request]["history_ages"].tolist() == [0] * LENGTH
        assert all(asked[request][f.name] == 0 for f in FEATURES)
        assert all(asked[request][f.bucket_name] == BUCKETS for f in FEATURES)


def test_an_unknown_event_type_has_a_row_of_its_own(asked, transform):
    unknown = len(transform.output.vocabulary_by_name("history_event_types"))
    assert asked["an unknown type"]["history_event_types"].tolist() == [unknown, -1, -1, -1]
    assert asked["too few types"]["history_event_types"][0] == -1
    assert asked["too few types"]["history_event_types"][1] >= 0


def test_histories_that_are_all_empty_can_be_learnt_from(tmp_path):
    """As those of a log in which everybody did one thing."""
    rows = [_row([]), _row([])]
    settings = SETTINGS.model_copy(update={"layout": TableLayout(), "tasks": ()})
    features = small_transform(rows, settings, Stream.INTERACTIONS, tmp_path)([*rows, _row([5, 4])])
    for feature in settings.feature_set.history_features:
        assert np.isfinite(features[feature.name]).all(), feature.name
        assert features[feature.bucket_name].max() <= BUCKETS
