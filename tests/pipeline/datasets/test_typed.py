"""Raw tables to canonical ones, and what is rejected."""

import numpy as np
import pyarrow as pa
import pytest

from pipeline.datasets.raw_table import Faults, RawTable
from pipeline.datasets.typed import (
    MAX_ID_BYTES,
    MAX_TEXT_CHARACTERS,
    MAX_TITLE_CHARACTERS,
    type_interactions,
    type_items,
    type_users,
    vectors_of,
)
from pipeline.errors import InputError
from schemas.features import TableLayout
from schemas.quarantine import QUARANTINE_SCHEMA
from schemas.tables import interactions_schema, items_schema, users_schema

LAYOUT = TableLayout(
    user_categories=("user_sex",),
    user_numbers=("user_age",),
    item_categories=("item_tags",),
    item_numbers=("item_year",),
    has_event_type=True,
    has_text=True,
    has_dwell=True,
)
EVENT = {
    "user_id": "u",
    "item_id": "i",
    "timestamp": "5",
    "value": "1.5",
    "event_type": "view",
    "dwell_seconds": "2",
}


def _raw(*rows, first=1, faults=None, **columns):
    table = pa.table(columns) if columns else pa.Table.from_pylist(list(rows))
    numbers = np.arange(first, first + table.num_rows)
    return RawTable(table, numbers, "a.csv", faults or Faults())


def _events(*changes, layout=LAYOUT):
    return type_interactions(_raw(*({**EVENT, **change} for change in changes)), layout, "s")


def _rejects(typed):
    assert typed.rejects.schema.equals(QUARANTINE_SCHEMA)
    return [(row["row"], row["rule"], row["detail"]) for row in typed.rejects.to_pylist()]


def test_good_events():
    typed = _events({}, {"dwell_seconds": ""})
    assert typed.table.schema.equals(interactions_schema(LAYOUT))
    good = {**EVENT, "timestamp": 5, "value": 1.5, "dwell_seconds": 2.0}
    assert typed.table.to_pylist() == [good, {**good, "dwell_seconds": None}]
    assert typed.rows.tolist() == [1, 2]
    assert (typed.file, typed.num_read, typed.rejects.num_rows) == ("a.csv", 2, 0)


@pytest.mark.parametrize(
    ("change", "rule", "detail"),
    [
        ({"user_id": ""}, "missing_key", "user_id"),
        ({"item_id": ""}, "missing_key", "item_id: ''"),
        ({"timestamp": ""}, "missing_key", "timestamp: ''"),
        ({"value": ""}, "missing_key", "value: ''"),
        ({"event_type": ""}, "missing_key", "event_type: ''"),
        ({"user_id": "a\nb"}, "bad_id", "user_id"),
        ({"item_id": "a\rb"}, "bad_id", r"item_id: 'a\rb'"),
        ({"item_id": "用" * 171}, "bad_id", f"item_id: '{'用' * 50}'"),  # 513 bytes
        ({"timestamp": "soon"}, "unparsable_value", "timestamp: 'soon'"),
        ({"value": "much"}, "unparsable_value", "value: 'much'"),
        ({"value": "nan"}, "unparsable_value", "value: 'nan'"),
        ({"value": "1e300"}, "unparsable_value", "value: '1e300'"),
        ({"timestamp": "1e30"}, "impossible_time", "timestamp: '1e30'"),
        ({"timestamp": "-1e30"}, "impossible_time", "timestamp: '-1e30'"),
    ],
)
def test_rows_that_cannot_be_used_are_dropped(change, rule, detail):
    typed = _events({}, change, {"user_id": "v"})
    assert typed.table["user_id"].to_pylist() == ["u", "v"]
    assert typed.rows.tolist() == [1, 3]
    assert typed.num_read == 3
    assert _rejects(typed) == [(2, rule, detail)]


def test_a_row_is_dropped_once_for_its_first_fault():
    assert _rejects(_events({key: "" for key in EVENT})) == [(1, "missing_key", "user_id")]


def test_a_wrong_cell_that_may_be_missing_is_emptied():
    typed = _events({"dwell_seconds": "long"}, {})
    assert typed.table["dwell_seconds"].to_pylist() == [None, 2.0]
    assert _rejects(typed) == [(1, "unparsable_attribute", "dwell_seconds: 'long'")]


def test_a_record_names_ids_where_they_are_good():
    record = _events({"user_id": "用户", "value": "x"}).rejects.to_pylist()[0]
    assert (record["table"], record["file"]) == ("interactions", "a.csv")
    assert (record["user_id"], record["item_id"]) == ("用户", "i")
    record = _events({"user_id": "a\nb"}).rejects.to_pylist()[0]
    assert record["user_id"] is None


def test_ids_that_look_alike_stay_apart():
    ids = ["u", "U", " u", "u ", "007", "7", "😀", "é", "e\u0301"]
    assert _events(*({"user_id": i} for i in ids)).table["user_id"].to_pylist() == ids


@pytest.mark.parametrize("length", [MAX_ID_BYTES, MAX_ID_BYTES + 1])
def test_the_longest_id(length):
    assert _events({"item_id": "i" * length}).table.num_rows == (length == MAX_ID_BYTES)


def test_columns_that_the_layout_does_not_have_are_left_out():
    bare = TableLayout(has_value=False)
    typed = _events({"value": "x", "event_type": ""}, layout=bare)
    assert typed.table.column_names == ["user_id", "item_id", "timestamp"]
    assert typed.rejects.num_rows == 0


def test_a_column_that_is_missing_is_named():
    raw = _raw(user_id=["u"], item_id=["i"], timestamp=["5"])
    with pytest.raises(InputError, match=r"a\.csv: interactions need a column 'value'; there are user_id, i"):
        type_interactions(raw, LAYOUT, "s")


def test_what_the_file_already_lost_is_handed_on():
    faults = Faults().plus("not_utf8", np.array([4])).plus("unparsable_row", np.array([5]), ["1,2"])
    typed = type_interactions(_raw({**EVENT, "value": ""}, EVENT, faults=faults), LAYOUT, "s")
    assert typed.num_read == 4
    assert sorted(_rejects(typed), key=lambda row: row[0]) == [
        (1, "missing_key", "value: ''"),
        (4, "not_utf8", None),
        (5, "unparsable_row", "1,2"),
    ]


def test_no_rows():
    raw = RawTable(pa.table({k: pa.array([], pa.string()) for k in EVENT}), np.zeros(0, np.int64), "a.csv")
    typed = type_interactions(raw, LAYOUT, "iso")
    assert typed.table.equals(interactions_schema(LAYOUT).empty_table())
    assert typed.rejects.num_rows == 0


def test_columns_of_many_types():
    raw = _raw(
        user_id=[1.0, 2.0, None],
        item_id=pa.array(["a", "b", "a"]).dictionary_encode(),
        timestamp=pa.array([5, 6, 7]).cast(pa.timestamp("s", "Asia/Shanghai")),
        value=pa.array([1, None, 3]),
    )
    typed = type_interactions(raw, TableLayout(), "iso")
    assert typed.table.to_pylist() == [{"user_id": "1", "item_id": "a", "timestamp": 5, "value": 1.0}]
    assert [row[:2] for row in _rejects(typed)] == [(3, "missing_key"), (2, "missing_key")]


def test_rules_against_a_plain_oracle():
    rng = np.random.default_rng(0)
    choices = {"user_id": ["u", ""], "timestamp": ["5", "soon", "", "1e30"], "value": ["1", "x", ""]}
    changes = [{k: v[rng.integers(len(v))] for k, v in choices.items()} for _ in range(500)]

    def rule(row):
        if row["user_id"] == "":
            return "missing_key"
        time = {"5": None, "soon": "unparsable_value", "": "missing_key", "1e30": "impossible_time"}
        value = {"1": None, "x": "unparsable_value", "": "missing_key"}
        return time[row["timestamp"]] or value[row["value"]]

    expected = {i + 1: rule(row) for i, row in enumerate(changes)}
    typed = _events(*changes)
    assert {row: name for row, name, _ in _rejects(typed)} == {i: r for i, r in expected.items() if r}
    assert typed.rows.tolist() == [i for i, r in expected.items() if r is None]


def test_items():
    typed = type_items(
        _raw(
            item_id=["a", "b", "", "d"],
            title=["A", "", "C", "D" * 600],
            text=["long", None, "t", "😀" * 20_001],
            item_tags=[["x", ""], [], None, ["y"]],
            item_year=["1995", "old", "1", ""],
        ),
        LAYOUT,
    )
    assert typed.table.schema.equals(items_schema(LAYOUT))
    first, second, third = typed.table.to_pylist()
    assert first == {"item_id": "a", "title": "A", "text": "long", "item_tags": ["x"], "item_year": 1995.0}
    assert second == {"item_id": "b", "title": "", "text": None, "item_tags": None, "item_year": None}
    assert third["title"] == "D" * MAX_TITLE_CHARACTERS
    assert third["text"] == "😀" * MAX_TEXT_CHARACTERS
    assert [row[:2] for row in _rejects(typed)] == [
        (3, "missing_key"),
        (4, "cut_text"),
        (4, "cut_text"),
        (2, "unparsable_attribute"),
    ]
    assert typed.rows.tolist() == [1, 2, 4]


def test_users():
    typed = type_users(_raw(user_id=["a", ""], user_sex=["f", ""], user_age=["30", ""]), LAYOUT)
    assert typed.table.schema.equals(users_schema(LAYOUT))
    assert typed.table.to_pylist() == [{"user_id": "a", "user_sex": "f", "user_age": 30.0}]
    assert typed.rejects["table"].to_pylist() == ["users"]


def test_vectors():
    vectors, wrong = vectors_of(_raw(item_id=["a", "b"], v=[[1.0], [1.0, 2.0]]), "v", 2)
    assert vectors.to_pylist() == [None, [1.0, 2.0]]
    assert wrong.tolist() == [True, False]
