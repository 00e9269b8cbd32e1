"""Typing of raw columns."""

import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.reading import (
    as_categories,
    as_numbers,
    as_seconds,
    as_texts,
    as_vectors,
    digest,
    split_categories,
)
from pipeline.errors import InputError


def _column(values, kind=None):
    return pa.chunked_array([values if isinstance(values, pa.Array) else pa.array(values, kind)])


def _cells(numbers):
    """Values; None where one is missing, "wrong" where one is wrong."""
    flags = zip(*(column.tolist() for column in numbers), strict=True)
    return [None if missing else "wrong" if wrong else value for value, missing, wrong in flags]


def test_texts_are_kept_as_they_stand():
    values = ["007", "NA", " x ", "X", "x", "用户", "😀", "1e5", "", None]
    assert as_texts(_column(values), "c").to_pylist() == [*values[:-2], None, None]
    assert as_texts(_column(values, pa.large_string()), "c").type == pa.string()
    assert as_texts(_column(pa.array(["a", "", None, "a"]).dictionary_encode()), "c").to_pylist() == [
        "a",
        None,
        None,
        "a",
    ]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([7, 12345678901, -1, None], pa.int64(), ["7", "12345678901", "-1", None]),
        ([7, 2**64 - 1], pa.uint64(), ["7", "18446744073709551615"]),
        # What pandas makes of integers when one is missing.
        ([3.0, math.nan, None, 12345678901.0, 2.0**53], None, ["3", None, None, "12345678901", str(2**53)]),
        ([0.5, -2.25, 1e300, math.inf], None, ["0.5", "-2.25", "1e+300", "inf"]),
        ([3.0, 2.5], pa.float32(), ["3", "2.5"]),
        ([Decimal("7"), None, Decimal("7")], pa.decimal128(38, 0), ["7", None, "7"]),
        ([Decimal("1.50"), Decimal("20")], pa.decimal128(10, 2), ["1.5", "20"]),
        ([True, False], None, ["true", "false"]),
        ([None, None], None, [None, None]),
    ],
)
def test_other_types_as_text(values, kind, expected):
    assert as_texts(_column(values, kind), "c").to_pylist() == expected


def test_what_is_no_text_is_refused():
    for values in ([{"a": 1}], [["a"]]):
        with pytest.raises(InputError, match=r"'c' holds (struct|list)<.*, which does not turn into text"):
            as_texts(_column(values), "c")


def test_numbers_in_texts():
    good = ["1.5", "", None, "-2", "1e3"]
    assert _cells(as_numbers(_column(good), "c")) == [1.5, None, None, -2.0, 1000.0]
    # One bad cell must not change how the others are read.
    assert _cells(as_numbers(_column([*good, "many"]), "c")) == [1.5, None, None, -2.0, 1000.0, "wrong"]


@pytest.mark.parametrize(
    "bad", ["many", "nan", "inf", "-inf", "1e39", "1e300", "9" * 400, " ", "1,5", "0x10", "1_0", "1.2.3"]
)
def test_texts_that_are_no_finite_numbers(bad):
    numbers = as_numbers(_column(["1", bad, ""]), "c")
    assert _cells(numbers) == [1.0, "wrong", None]
    assert np.isnan(numbers.values[1:]).all()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([1, None], pa.int64(), [1.0, None]),
        ([1.5, math.nan, None, math.inf, 1e300], None, [1.5, None, None, "wrong", "wrong"]),
        ([True, False], None, [1.0, 0.0]),
        ([Decimal("1.25"), None], None, [1.25, None]),
        ([2**63 - 1], None, [float(np.float32(2**63 - 1))]),
        ([None], None, [None]),
    ],
)
def test_numbers_of_other_types(values, kind, expected):
    assert _cells(as_numbers(_column(values, kind), "c")) == expected
    encoded = _column(pa.array(["1", "x", None]).dictionary_encode())
    assert _cells(as_numbers(encoded, "c")) == [1.0, "wrong", None]


def test_numbers_are_those_of_float32():
    assert as_numbers(_column(["0.1"]), "c").values.tolist() == [float(np.float32(0.1))]


@pytest.mark.parametrize("values", [[[1.0]], [datetime(2020, 1, 1)], [date(2020, 1, 1)], [{"a": 1}]])
def test_numbers_of_a_type_that_has_none_are_refused(values):
    with pytest.raises(InputError, match=r"'c' holds .*, which does not turn into numbers"):
        as_numbers(_column(values), "c")


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        (["5", "1000000000"], "s", [5, 1_000_000_000]),
        (["5.9", "-0.5"], "s", [5, -1]),
        ([881250949.0], "s", [881_250_949]),
        ([Decimal("881250949.5")], "s", [881_250_949]),
        ([881250949999], "ms", [881_250_949]),
        (["881250949999", "x"], "ms", [881_250_949, "wrong"]),
        (["1997-12-04T15:55:49Z", "1997-12-04 15:55"], "iso", [881_250_949, 881_250_900]),
        (["1997-12-04 17:55:49.75+02:00", "1997-12-04"], "iso", [881_250_949, 881_193_600]),
        (["11/12/2019 2:14:46 PM", "11/12/2019"], "%m/%d/%Y %I:%M:%S %p", [1_573_568_086, "wrong"]),
        (["04.12.1997", "4.13.1997"], "%d.%m.%Y", [881_193_600, "wrong"]),
        ([datetime(1997, 12, 4, 15, 55, 49, 5), None], "iso", [881_250_949, None]),
        ([datetime(1969, 12, 31, 23, 59, 59, 5)], "iso", [-1]),
        ([datetime(1997, 12, 4, 17, 55, 49, tzinfo=timezone(timedelta(hours=2)))], "iso", [881_250_949]),
        ([date(1997, 12, 4), None], "iso", [881_193_600, None]),
        # Days that Arrow has and pandas has not.
        ([datetime(9999, 12, 31), datetime(1, 1, 1)], "iso", [253_402_214_400, -62_135_596_800]),
        ([date(9999, 12, 31)], "iso", [253_402_214_400]),
        ([None, None], "iso", [None, None]),
        ([None], "s", [None]),
    ],
)
def test_times(values, unit, expected):
    assert _cells(as_seconds(_column(values), "c", unit)) == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_times_of_arrows_types(unit, zone):
    column = _column([881_250_949, None], pa.int64()).cast(pa.timestamp("s")).cast(pa.timestamp(unit, zone))
    assert _cells(as_seconds(column, "c", "iso")) == [881_250_949, None]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.sampled_from(["T", " "]))
def test_iso_times_equal_pythons(moment, between):
    expected = int((moment - datetime(1970, 1, 1)) // timedelta(seconds=1))
    assert _cells(as_seconds(_column([moment.isoformat(between)]), "c", "iso")) == [expected]


@pytest.mark.parametrize(
    ("bad", "unit"),
    [
        ("soon", "s"),
        ("1997-12-04", "s"),
        ("inf", "ms"),
        ("4.12.1997", "iso"),
        ("881250949", "iso"),
        ("1997-13-01", "iso"),
        ("1997-12-04T25:00", "iso"),
        ("1997-12-04\n", "iso"),
        ("9999-12-31", "iso"),
        ("now", "iso"),
        ("soon", "%Y"),
    ],
)
def test_texts_that_are_no_times(bad, unit):
    good = {"s": "1", "ms": "1000", "iso": "1970-01-01T00:00:01", "%Y": "1970"}[unit]
    expected = 0 if unit == "%Y" else 1
    assert _cells(as_seconds(_column([good, bad, ""]), "c", unit)) == [expected, "wrong", None]


def test_units_that_do_not_fit_the_type_are_refused():
    with pytest.raises(InputError, match="'c' holds timestamp.*; its unit is 'iso'"):
        as_seconds(_column([datetime(1997, 12, 4)]), "c", "s")
    with pytest.raises(InputError, match="'c' holds int64, not times; its unit is 's' or 'ms'"):
        as_seconds(_column([881250949]), "c", "iso")


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.large_list(pa.string())])
def test_categories_in_lists(kind):
    values = [["a", None, "", " b "], None, [], ["a"], [None, " "]]
    assert as_categories(_column(values, kind), "c").to_pylist() == [["a", "b"], None, None, ["a"], None]


def test_categories_in_lists_of_other_types():
    assert as_categories(_column([[1, 2], [3]]), "c").to_pylist() == [["1", "2"], ["3"]]
    assert as_categories(_column([[1.0, math.nan], [math.nan]]), "c").to_pylist() == [["1"], None]
    pairs = _column([["a", "b"], None, ["c", "d"]], pa.list_(pa.string(), 2))
    assert as_categories(pairs, "c").to_pylist() == [["a", "b"], None, ["c", "d"]]
    with pytest.raises(InputError, match="does not turn into text"):
        as_categories(_column([[["a"]]]), "c")


def test_categories_in_texts():
    column = _column(["a|b c", "", None, "|", " a |"])
    assert as_categories(column, "c").to_pylist() == [["a|b c"], None, None, ["|"], ["a |"]]
    split = split_categories(column, "|")
    assert as_categories(split, "c").to_pylist() == [["a", "b c"], None, None, None, ["a"]]
    assert as_categories(split, "c").type == pa.list_(pa.string())
    lists = _column([["a|b"]])
    assert split_categories(lists, "|") is lists


def test_categories_across_chunks_and_slices():
    chunks = pa.chunked_array([["a|b"], ["", "c"]])
    assert as_categories(split_categories(chunks, "|"), "c").to_pylist() == [["a", "b"], None, ["c"]]
    cut = _column(pa.array([["x"], ["a"], None, ["b", "c"]]).slice(1))
    assert as_categories(cut, "c").to_pylist() == [["a"], None, ["b", "c"]]
    assert as_categories(_column([], pa.string()), "c").to_pylist() == []


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.list_(pa.float32()), pa.large_list(pa.float32())]
)
def test_vectors(kind):
    values = [[1.0, 2.0], [1.0], None, [], [1.0, math.nan], [1.0, None], [1.0, 2.0, 3.0], [3.0, math.inf]]
    vectors, wrong = as_vectors(_column(values, kind), "v", 2)
    assert vectors.to_pylist() == [[1.0, 2.0], *[None] * 7]
    assert wrong.tolist() == [False, True, False, False, True, True, True, True]
    assert vectors.type == pa.list_(pa.float32())


def test_vectors_of_other_types_and_slices():
    pairs = pa.array([[9, 9], [1, 2], None, [2**60, 4]], pa.list_(pa.int64(), 2)).slice(1)
    vectors, wrong = as_vectors(_column(pairs), "v", 2)
    assert vectors.to_pylist() == [[1.0, 2.0], None, [float(2**60), 4.0]]
    assert not wrong.any()
    assert as_vectors(_column([], pa.list_(pa.float32())), "v", 2)[0].to_pylist() == []
    assert as_vectors(_column([[1e39, 1.0]]), "v", 2)[1].tolist() == [True]


@pytest.mark.parametrize("values", [["1 2"], [["a", "b"]], [[[1.0]]], [None]])
def test_vectors_of_something_else_are_refused(values):
    with pytest.raises(InputError, match=r"'v' holds .*, not lists of numbers"):
        as_vectors(_column(values), "v", 2)


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
