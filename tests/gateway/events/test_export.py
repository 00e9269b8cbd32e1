"""Spans out of the log: each event once, with what is known of the list that showed its item."""

import asyncio
from datetime import date

import pyarrow.parquet as pq
import pytest

from gateway.events.event_log import EventLogError
from gateway.events.export import ExportedDay, export_days, remove_old_spans
from gateway.events.keys import check_event_keys
from gateway.events.sqlite_log import SqliteEventLog
from pipeline.errors import InputError
from schemas.feedback import FEEDBACK_SCHEMA
from tests.gateway.events.samples import DAY_MS, NOON_MS, Clock, event, served

FIRST, SECOND, THIRD = (date(2025, 11, day) for day in (25, 26, 27))
REQUEST = "a" * 32


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "log", tmp_path / "spans"


def write(log_folder, *days, key=None):
    """Writes events, and lists before them, day after day; each day is a list of either."""

    async def main():
        clock = Clock()
        log = SqliteEventLog(log_folder, key, clock=clock)
        for number, entries in enumerate(days):
            clock.milliseconds = NOON_MS + number * DAY_MS
            for entry in entries:
                if hasattr(entry, "event_id"):
                    await log.append([entry])
                else:
                    await log.append_served(entry)
        await log.close()

    asyncio.run(main())


def _rows(spans, day):
    return pq.read_table(spans / day.isoformat() / "events.parquet").to_pylist()


def test_days_that_are_over_are_written_once(folders):
    tomorrow = NOON_MS + DAY_MS
    write(folders[0], [event("e1"), event("e2")], [event("e3", time_ms=tomorrow)])
    assert export_days(*folders, None, FIRST) == []
    assert export_days(*folders, None, SECOND) == [ExportedDay(FIRST, 2)]
    before = (folders[1] / "2025-11-25" / "events.parquet").stat()
    assert export_days(*folders, None, SECOND) == []
    assert export_days(*folders, None, THIRD) == [ExportedDay(SECOND, 1)]
    assert (folders[1] / "2025-11-25" / "events.parquet").stat() == before
    table = pq.read_table(folders[1] / "2025-11-25" / "events.parquet")
    assert table.schema.equals(FEEDBACK_SCHEMA)
    assert table["event_id"].to_pylist() == ["e1", "e2"]
    assert table["timestamp"].to_pylist() == [NOON_MS // 1000] * 2


def test_a_late_event_is_of_the_day_on_which_it_came(folders):
    write(folders[0], [event("e1")], [event("late"), event("e2", time_ms=NOON_MS + DAY_MS)])
    export_days(*folders, None, THIRD)
    assert [row["event_id"] for row in _rows(folders[1], FIRST)] == ["e1"]
    assert [(row["event_id"], row["timestamp"]) for row in _rows(folders[1], SECOND)] == [
        ("late", NOON_MS // 1000),
        ("e2", (NOON_MS + DAY_MS) // 1000),
    ]


def test_what_comes_while_a_day_is_written_is_of_the_next(folders):
    write(folders[0], [event("e1")])
    export_days(*folders, None, SECOND)
    write(folders[0], [event("e1"), event("straggler")])
    assert export_days(*folders, None, THIRD) == [ExportedDay(SECOND, 1)]
    assert [row["event_id"] for row in _rows(folders[1], SECOND)] == ["straggler"]


def test_an_event_is_joined_with_the_list_that_showed_its_item(folders):
    of_list = {"request_id": REQUEST}
    write(
        folders[0],
        [served(REQUEST), served("b" * 32, user="bob")],
        [
            event("second", item_id="i2", rank=9, **of_list),
            event("elsewhere", item_id="i3", rank=4, **of_list),
            event("unknown", request_id="c" * 32, rank=1),
            event("anothers", item_id="i1", request_id="b" * 32),
            event("none", value=2.5),
        ],
    )
    export_days(*folders, None, THIRD)
    names = ("rank", "model_version", "propensity", "arm")
    rows = {row["event_id"]: tuple(row[name] for name in names) for row in _rows(folders[1], SECOND)}
    assert rows == {
        "second": (2, 7, 0.25, "stable"),
        "elsewhere": (4, 7, None, "stable"),
        "unknown": (1, None, None, None),
        "anothers": (None, None, None, None),
        "none": (None, None, None, None),
    }


def test_a_day_of_lists_alone_gives_no_span(folders):
    write(folders[0], [served()])
    assert export_days(*folders, None, SECOND) == []
    assert list(folders[1].iterdir()) == []


def test_a_span_that_was_half_written_is_written_anew(folders):
    write(folders[0], [event("e1")])
    half = folders[1] / ".2025-11-25.partial"
    half.mkdir(parents=True)
    (half / "events.parquet").write_bytes(b"PAR1")
    assert export_days(*folders, None, SECOND) == [ExportedDay(FIRST, 1)]
    assert [path.name for path in folders[1].iterdir()] == ["2025-11-25"]


def test_spans_that_cannot_be_written_are_told(folders):
    write(folders[0], [event("e1")])
    folders[1].write_text("a file in the way")
    with pytest.raises(EventLogError, match="cannot write .*2025-11-25"):
        export_days(*folders, None, SECOND)


def test_old_spans_are_removed(folders):
    write(folders[0], [event("e1")], [event("e2", time_ms=NOON_MS + DAY_MS)])
    assert remove_old_spans(folders[1], SECOND) == 0
    export_days(*folders, None, THIRD)
    assert remove_old_spans(folders[1], SECOND) == 1
    assert [path.name for path in folders[1].iterdir()] == ["2025-11-26"]


def test_events_of_another_key_are_told_apart(folders):
    check_event_keys(*folders, "0123456789abcdef")
    write(folders[0], [event("e1")], key="0123456789abcdef")
    export_days(*folders, "0123456789abcdef", SECOND)
    check_event_keys(*folders, "0123456789abcdef")
    with pytest.raises(EventLogError, match="key 0123456789abcdef"):
        check_event_keys(*folders, None)
    with pytest.raises(InputError, match="key 0123456789abcdef, and the run by their raw ids"):
        check_event_keys(folders[0] / "none", folders[1], None)
