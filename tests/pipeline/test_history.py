"""Histories against a slow, plain oracle."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import history as module
from pipeline.history import user_histories, with_history
from schemas.features import TableLayout
from schemas.tables import interactions_schema

LAYOUT = TableLayout()
FULL = TableLayout(
    has_event_type=True, has_dwell=True, exposure_types=("shown", "skipped"), prior_types=("before",)
)
USERS, ITEMS = st.sampled_from(["u", "v", "用户"]), st.sampled_from(["a", "b", "007"])
EVENTS = st.lists(st.tuples(USERS, ITEMS, st.integers(0, 12)), max_size=40)
TYPES = st.sampled_from(["click", "like", "shown", "skipped", "before"])
DWELLS = st.one_of(st.none(), st.integers(1, 99))
TYPED_EVENTS = st.lists(st.tuples(USERS, ITEMS, st.integers(0, 12), TYPES, DWELLS), max_size=40)


def _table(events, layout=LAYOUT):
    """Events as canonical interactions; the value is the event's place in the input."""
    columns = {
        "user_id": [event[0] for event in events],
        "item_id": [event[1] for event in events],
        "timestamp": [event[2] for event in events],
        "value": [float(place) for place in range(len(events))],
        "event_type": [event[3] if event[3:] else "" for event in events],
        "dwell_seconds": [event[4] if event[4:] else None for event in events],
    }
    schema = interactions_schema(layout)
    return pa.table({name: columns[name] for name in schema.names}, schema)


def _oracle(events, user, before):
    """What a user did before a moment: (item, place) pairs, oldest first, ties as given."""
    earlier = [(t, place, item) for place, (u, item, t) in enumerate(events) if u == user and t < before]
    return [(item, float(place)) for t, place, item in sorted(earlier, key=lambda e: (e[0], e[1]))]


def _typed_oracle(events, user, before):
    """As rows of the lists, one an event: exposures left out, what came before the log kept."""
    earlier = [
        (time, place, item, kind, dwell)
        for place, (u, item, time, kind, dwell) in enumerate(events)
        if u == user and time < before and kind not in FULL.exposure_types
    ]
    earlier.sort(key=lambda event: event[:2])
    return [(item, time, float(place), kind, float(dwell or 0)) for time, place, item, kind, dwell in earlier]


LISTS = [
    "history_item_ids",
    "history_timestamps",
    "history_values",
    "history_event_types",
    "history_dwell_seconds",
]


def _rows_of_lists(row):
    return list(zip(*(row[name] for name in LISTS), strict=True))


@pytest.fixture(params=[1, 1 << 22], ids=["small chunks", "one chunk"])
def chunk_values(request, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK_VALUES", request.param)


@pytest.mark.usefixtures("chunk_values")
class TestWithHistory:
    @given(EVENTS, st.integers(1, 5))
    def test_equals_the_oracle(self, events, length):
        rows = with_history(_table(events), LAYOUT, length).to_pylist()
        order = sorted(range(len(events)), key=lambda place: (events[place][2], place))
        assert [row["value"] for row in rows] == [float(place) for place in order]
        for row in rows:
            expected = _oracle(events, row["user_id"], row["timestamp"])[-length:]
            assert list(zip(row["history_item_ids"], row["history_values"], strict=True)) == expected

    @given(EVENTS, st.integers(0, 12))
    def test_no_leak(self, events, now):
        """What happens at a moment or later changes no history up to it."""
        past = [event for event in events if event[2] < now]
        whole = with_history(_table(events), LAYOUT, 5)
        alone = with_history(_table(past), LAYOUT, 5)
        columns = ["user_id", "item_id", "timestamp", "history_item_ids"]
        head = whole.slice(0, alone.num_rows).select(columns)
        assert head.to_pylist() == alone.select(columns).to_pylist()

    @given(EVENTS, st.integers(0, 13))
    def test_what_comes_before_a_moment_is_history_only(self, events, since):
        whole = with_history(_table(events), LAYOUT, 5)
        expected = [row for row in whole.to_pylist() if row["timestamp"] >= since]
        assert with_history(_table(events), LAYOUT, 5, since).to_pylist() == expected

    @given(EVENTS)
    def test_user_histories_equal_the_oracle(self, events):
        rows = user_histories(_table(events), LAYOUT).to_pylist()
        assert [row["user_id"] for row in rows] == sorted({user for user, _, _ in events})
        for row in rows:
            expected = _oracle(events, row["user_id"], before=1000)
            assert list(zip(row["history_item_ids"], row["history_values"], strict=True)) == expected


@pytest.mark.usefixtures("chunk_values")
class TestRoles:
    """Exposures are examples and no history; what came before the log is history and no example."""

    @given(TYPED_EVENTS, st.integers(1, 5), st.integers(0, 12))
    def test_with_history_equals_the_oracle(self, events, length, since):
        rows = with_history(_table(events, FULL), FULL, length, since).to_pylist()
        order = sorted(range(len(events)), key=lambda place: (events[place][2], place))
        examples = [p for p in order if events[p][3] not in FULL.prior_types and events[p][2] >= since]
        assert [row["value"] for row in rows] == [float(place) for place in examples]
        for row in rows:
            expected = _typed_oracle(events, row["user_id"], row["timestamp"])[-length:]
            assert _rows_of_lists(row) == expected

    @given(TYPED_EVENTS)
    def test_user_histories_equal_the_oracle(self, events):
        rows = user_histories(_table(events, FULL), FULL).to_pylist()
        engaged = {event[0] for event in events if event[3] not in FULL.exposure_types}
        assert [row["user_id"] for row in rows] == sorted(engaged)
        for row in rows:
            assert _rows_of_lists(row) == _typed_oracle(events, row["user_id"], before=1000)


def test_exposures_leave_histories_as_they_are():
    log = [("u", "a", 1, "click", None), ("u", "b", 3, "click", None)]
    shown = [("u", "x", 2, "shown", 7), ("w", "x", 2, "skipped", 7)]
    columns = ["user_id", "item_id", *LISTS[:2], *LISTS[3:]]  # the value is a place in the input
    with_them = with_history(_table(log + shown, FULL), FULL, 9).select(columns).to_pylist()
    alone = with_history(_table(log, FULL), FULL, 9).select(columns).to_pylist()
    assert [row for row in with_them if row["item_id"] != "x"] == alone
    assert next(row for row in with_them if row["item_id"] == "x")["history_item_ids"] == ["a"]


def test_events_of_one_second_are_not_history():
    events = [("u", "a", 5), ("u", "b", 5), ("u", "c", 6)]
    histories = with_history(_table(events), LAYOUT, 9)["history_item_ids"].to_pylist()
    assert histories == [[], [], ["a", "b"]]


def test_the_newest_are_kept():
    events = [("u", item, time) for time, item in enumerate("abcde")]
    assert with_history(_table(events), LAYOUT, 2)["history_item_ids"].to_pylist()[-1] == ["c", "d"]


def test_types_and_names():
    table = with_history(_table([("u", "a", 5)]), LAYOUT, 2)
    assert table.column_names[-3:] == LISTS[:3]
    event = ("u", "a", 5, "click", None)
    kinds = [pa.string(), pa.int64(), pa.float32(), pa.string(), pa.float32()]
    for table in (
        with_history(_table([event], FULL), FULL, 2),
        user_histories(_table([event], FULL), FULL),
        user_histories(_table([], FULL), FULL),
    ):
        assert table.column_names[-5:] == LISTS
        assert [table.schema.field(name).type for name in LISTS] == [pa.list_(kind) for kind in kinds]


def test_no_values_without_a_value_column():
    layout = TableLayout(has_value=False)
    events = [("u", "a", 5), ("u", "b", 6)]
    assert with_history(_table(events, layout), layout, 2).column_names[-2:] == LISTS[:2]
    assert user_histories(_table(events, layout), layout).column_names == ["user_id", *LISTS[:2]]


def test_the_input_may_be_cut_into_chunks():
    events = [("u", "a", 1), ("v", "b", 2), ("u", "c", 3), ("v", "d", 4)]
    chunked = pa.concat_tables([_table(events).slice(0, 3), _table(events).slice(3)])
    assert with_history(chunked, LAYOUT, 2)["history_item_ids"].to_pylist() == [[], [], ["a"], ["b"]]
