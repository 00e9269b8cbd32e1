"""Histories against a slow, plain oracle."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import history as module
from pipeline.history import user_histories, with_history
from schemas.features import TableLayout
from schemas.tables import interactions_schema

LAYOUT = TableLayout()
EVENTS = st.lists(
    st.tuples(st.sampled_from(["u", "v", "用户"]), st.sampled_from(["a", "b", "007"]), st.integers(0, 12)),
    max_size=40,
)


def _table(events, layout=LAYOUT):
    """Events as canonical interactions; the value is the event's place in the input."""
    columns = {
        "user_id": [user for user, _, _ in events],
        "item_id": [item for _, item, _ in events],
        "timestamp": [time for _, _, time in events],
        "value": [float(place) for place in range(len(events))],
    }
    schema = interactions_schema(layout)
    return pa.table({name: columns[name] for name in schema.names}, schema)


def _oracle(events, user, before):
    """What a user did before a moment: (item, place) pairs, oldest first, ties as given."""
    earlier = [(t, place, item) for place, (u, item, t) in enumerate(events) if u == user and t < before]
    return [(item, float(place)) for t, place, item in sorted(earlier, key=lambda e: (e[0], e[1]))]


@pytest.fixture(params=[1, 1 << 22], ids=["small chunks", "one chunk"])
def chunk_values(request, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK_VALUES", request.param)


@pytest.mark.usefixtures("chunk_values")
class TestWithHistory:
    @settings(deadline=None)
    @given(EVENTS, st.integers(1, 5))
    def test_equals_the_oracle(self, events, length):
        rows = with_history(_table(events), LAYOUT, length).to_pylist()
        order = sorted(range(len(events)), key=lambda place: (events[place][2], place))
        assert [row["value"] for row in rows] == [float(place) for place in order]
        for row in rows:
            expected = _oracle(events, row["user_id"], row["timestamp"])[-length:]
            assert list(zip(row["history_item_ids"], row["history_values"], strict=True)) == expected

    @settings(deadline=None)
    @given(EVENTS, st.integers(0, 12))
    def test_no_leak(self, events, now):
        """What happens at a moment or later changes no history up to it."""
        past = [event for event in events if event[2] < now]
        whole = with_history(_table(events), LAYOUT, 5)
        alone = with_history(_table(past), LAYOUT, 5)
        columns = ["user_id", "item_id", "timestamp", "history_item_ids"]
        head = whole.slice(0, alone.num_rows).select(columns)
        assert head.to_pylist() == alone.select(columns).to_pylist()

    @settings(deadline=None)
    @given(EVENTS, st.integers(0, 13))
    def test_what_comes_before_a_moment_is_history_only(self, events, since):
        whole = with_history(_table(events), LAYOUT, 5)
        expected = [row for row in whole.to_pylist() if row["timestamp"] >= since]
        assert with_history(_table(events), LAYOUT, 5, since).to_pylist() == expected

    @settings(deadline=None)
    @given(EVENTS)
    def test_user_histories_equal_the_oracle(self, events):
        rows = user_histories(_table(events), LAYOUT).to_pylist()
        assert [row["user_id"] for row in rows] == sorted({user for user, _, _ in events})
        for row in rows:
            expected = _oracle(events, row["user_id"], before=1000)
            assert list(zip(row["history_item_ids"], row["history_values"], strict=True)) == expected


def test_events_of_one_second_are_not_history():
    events = [("u", "a", 5), ("u", "b", 5), ("u", "c", 6)]
    histories = with_history(_table(events), LAYOUT, 9)["history_item_ids"].to_pylist()
    assert histories == [[], [], ["a", "b"]]


def test_the_newest_are_kept():
    events = [("u", item, time) for time, item in enumerate("abcde")]
    assert with_history(_table(events), LAYOUT, 2)["history_item_ids"].to_pylist()[-1] == ["c", "d"]


def test_types_and_names():
    table = with_history(_table([("u", "a", 5)]), LAYOUT, 2)
    assert table.column_names[-2:] == ["history_item_ids", "history_values"]
    assert table.schema.field("history_item_ids").type == pa.list_(pa.string())
    assert table.schema.field("history_values").type == pa.list_(pa.float32())


def test_no_values_without_a_value_column():
    layout = TableLayout(has_value=False)
    events = [("u", "a", 5), ("u", "b", 6)]
    assert with_history(_table(events, layout), layout, 2).column_names[-1] == "history_item_ids"
    assert user_histories(_table(events, layout), layout).column_names == ["user_id", "history_item_ids"]


def test_the_input_may_be_cut_into_chunks():
    events = [("u", "a", 1), ("v", "b", 2), ("u", "c", 3), ("v", "d", 4)]
    chunked = pa.concat_tables([_table(events).slice(0, 3), _table(events).slice(3)])
    assert with_history(chunked, LAYOUT, 2)["history_item_ids"].to_pylist() == [[], [], ["a"], ["b"]]
