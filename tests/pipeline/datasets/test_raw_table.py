"""Raw rows and their places."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.datasets.raw_table import Faults, RawTable


@pytest.fixture
def raw():
    table = pa.table({"user_id": ["a", "b", "c"], "n": [1, 2, 3]})
    faults = Faults().plus("not_utf8", np.array([3, 7])).plus("unparsable_row", np.array([5]), ["x,y"])
    return RawTable(table, np.array([1, 2, 6]), "a.csv", faults)


def test_what_was_read_counts_what_was_left_out(raw):
    assert raw.num_read == 6
    assert raw.last_row == 7
    assert RawTable(raw.table.slice(0, 0), np.zeros(0, np.int64), "a.csv").last_row == 0


def test_no_rows_are_no_fault():
    assert Faults().plus("not_utf8", np.zeros(0, np.int64)) == Faults()


def test_after_a_row(raw):
    late = raw.after(5)
    assert late.table["user_id"].to_pylist() == ["c"]
    assert late.rows.tolist() == [6]
    assert [(f.rule, f.rows.tolist(), f.details) for f in late.faults.faults] == [("not_utf8", [7], ())]
    assert [(f.rule, f.details) for f in raw.after(4).faults.faults][1] == ("unparsable_row", ("x,y",))
    assert raw.after(0) is raw
    assert raw.after(7).num_read == 0


def test_columns(raw):
    assert raw.with_column("kind", "view").table["kind"].to_pylist() == ["view"] * 3
    assert raw.with_column("n", pa.array([7, 8, 9])).table.column_names == ["user_id", "n"]
    changed = raw.changed("n", lambda column: pa.array([2 * x for x in column.to_pylist()]))
    assert changed.table["n"].to_pylist() == [2, 4, 6]
    assert raw.table["n"].to_pylist() == [1, 2, 3]


def test_one_row_becomes_several_events_of_one_place(raw):
    events = raw.take(np.array([2, 0, 0]))
    assert events.table["user_id"].to_pylist() == ["c", "a", "a"]
    assert events.rows.tolist() == [6, 1, 1]
    assert events.faults is raw.faults
