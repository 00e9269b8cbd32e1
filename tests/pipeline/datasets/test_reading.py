"""Typing of raw columns."""

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.raw_file import RawColumn, RawFile
from pipeline.datasets.reading import (
    as_categories,
    as_ids,
    as_numbers,
    as_texts,
    as_timestamps,
    digest,
    refuse_duplicates,
)
from pipeline.errors import InputError


def _column(values, kind=None):
    array = values if isinstance(values, pa.Array) else pa.array(values, kind)
    return RawColumn("c", pa.chunked_array([array]), RawFile(Path("a.parquet")))


def test_ids_are_texts_as_they_stand():
    assert as_ids(_column(["007", "NA", " x ", "用户"])).to_pylist() == ["007", "NA", " x ", "用户"]
    assert as_ids(_column([7, 12345678901])).to_pylist() == ["7", "12345678901"]
    assert as_ids(_column(pa.array(["a", "b", "a"]).dictionary_encode())).to_pylist() == ["a", "b", "a"]


@pytest.mark.parametrize("values", [["a", "", ""], ["a", None, None]])
def test_missing_ids_are_refused(values):
    with pytest.raises(InputError, match=r"a\.parquet: 2 rows have no 'c'; the first is row 2"):
        as_ids(_column(values))


def test_what_is_no_text_is_refused():
    with pytest.raises(InputError, match=r"'c' holds struct<.*, which does not turn into text"):
        as_ids(_column([{"a": 1}]))


def test_texts():
    assert as_texts(_column(["a", "", None, "NA"])).to_pylist() == ["a", None, None, "NA"]
    # A column of integers with a null does not turn into "3.0".
    assert as_texts(_column([3, None])).to_pylist() == ["3", None]


def test_numbers():
    assert as_numbers(_column(["1.5", "", None, "-2"])).to_pylist() == [1.5, None, None, -2.0]
    assert as_numbers(_column([1, None])).to_pylist() == [1.0, None]
    assert as_numbers(_column([1.5, float("nan")])).to_pylist() == [1.5, None]
    assert as_numbers(_column([1])).type == pa.float32()


@pytest.mark.parametrize("bad", ["many", "nan", "inf", "1e300", " "])
def test_numbers_that_are_not_finite_are_refused(bad):
    with pytest.raises(InputError, match=rf"1 row has a 'c' that is not a finite number.*row 2: '{bad}'"):
        as_numbers(_column(["1", bad]))


def test_required_numbers():
    with pytest.raises(InputError, match="1 row has no 'c'; the first is row 2"):
        as_numbers(_column(["1", ""]), required=True)


def test_numbers_of_another_type_are_refused():
    with pytest.raises(InputError, match=r"'c' holds list<.*, which does not turn into numbers"):
        as_numbers(_column([[1.0]]))


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        (["5", "1000000000"], "s", [5, 1_000_000_000]),
        (["5.9"], "s", [5]),
        ([881250949.0], "s", [881_250_949]),
        ([881250949999], "ms", [881_250_949]),
        (["1997-12-04T15:55:49Z"], "iso", [881_250_949]),
        (["1997-12-04 17:55:49.75+02:00", "1997-12-04"], "iso", [881_250_949, 881_193_600]),
        ([datetime(1997, 12, 4, 15, 55, 49, 5)], "iso", [881_250_949]),
        ([datetime(1997, 12, 4, 17, 55, 49, tzinfo=timezone(timedelta(hours=2)))], "iso", [881_250_949]),
        ([date(1997, 12, 4)], "iso", [881_193_600]),
    ],
)
def test_timestamps(values, unit, expected):
    assert as_timestamps(_column(values), unit).to_pylist() == expected


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.sampled_from(["T", " "]))
def test_iso_timestamps_equal_pythons(moment, between):
    expected = int((moment - datetime(1970, 1, 1)) // timedelta(seconds=1))
    assert as_timestamps(_column([moment.isoformat(between)]), "iso").to_pylist() == [expected]


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (["1", "soon"], "s"),
        (["1", ""], "s"),
        ([1, None], "ms"),
        (["1997-12-04", "4.12.1997"], "iso"),
        (["1997-12-04", "881250949"], "iso"),
        (["1997-12-04", "1997-13-01"], "iso"),
        ([datetime(1997, 12, 4), None], "iso"),
    ],
)
def test_times_that_cannot_be_understood_are_refused(values, unit):
    with pytest.raises(InputError, match=rf"1 row has a 'c' that is not a time in unit '{unit}'.* row 2"):
        as_timestamps(_column(values), unit)


@pytest.mark.parametrize(("value", "unit"), [(-1, "s"), (881250949000, "s"), ("1969-12-31T23:59:59", "iso")])
def test_times_out_of_range_make_one_think_of_the_unit(value, unit):
    with pytest.raises(InputError, match=rf"before 1970 or after 9999 \(is timestamp_unit '{unit}' right"):
        as_timestamps(_column([value]), unit)


def test_units_that_do_not_fit_the_type_are_refused():
    with pytest.raises(InputError, match="'c' holds timestamp.* set timestamp_unit: iso"):
        as_timestamps(_column([datetime(1997, 12, 4)]), "s")
    with pytest.raises(InputError, match="'c' holds int64, not times; set timestamp_unit to s or ms"):
        as_timestamps(_column([881250949]), "iso")


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.string())])
def test_categories_in_lists(kind):
    values = [["a", None, "", " b "], None, [], ["a"]]
    assert as_categories(_column(values, kind), None).to_pylist() == [["a", "b"], None, None, ["a"]]


def test_categories_in_texts():
    column = _column(["a|b c", "", None, "|", " a |"])
    assert as_categories(column, "|").to_pylist() == [["a", "b c"], None, None, None, ["a"]]
    assert as_categories(column, None).to_pylist() == [["a|b c"], None, None, ["|"], ["a |"]]
    assert as_categories(_column([[1, 2]]), None).to_pylist() == [["1", "2"]]
    assert as_categories(column, "|").type == pa.list_(pa.string())


def test_categories_across_chunks():
    chunks = pa.chunked_array([["a|b"], ["", "c"]])
    column = RawColumn("c", chunks, RawFile(Path("a.parquet")))
    assert as_categories(column, "|").to_pylist() == [["a", "b"], None, ["c"]]


def test_duplicates_are_refused():
    column = _column(["a", "b", "a", "a"])
    with pytest.raises(InputError, match="2 rows have a 'c' that an earlier row has too; the first is row 3"):
        refuse_duplicates(column, column.values)


def test_digest_depends_on_contents_and_mapping(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(b"1")
    b.write_bytes(b"2")
    digests = {digest(*given) for given in (([a, b], "m"), ([b, a], "m"), ([a, b], "n"), ([a], "m"))}
    assert len(digests) == 4
    first = digest([a], "m")
    a.write_bytes(np.random.default_rng(0).bytes(3 << 20))
    assert digest([a], "m") != first
    assert digest([a], "m") == digest([a], "m")


def test_digest_of_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot read .*none: No such file"):
        digest([tmp_path / "none"], "m")
