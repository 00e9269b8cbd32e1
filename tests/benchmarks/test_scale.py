"""The page about scale: its numbers are those that are computed, and the computation is right."""

import re

import pytest

from benchmarks.scale import INPUTS, PAGE, TABLES, index, serving, storage, tables, values, with_tables


def test_the_page_shows_what_is_computed():
    page = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"<!-- (\w+) -->", page)[::2] == ["inputs", *TABLES]
    assert with_tables(page) == page


def test_a_changed_input_would_change_the_page(monkeypatch):
    page = PAGE.read_text(encoding="utf-8")
    changed = INPUTS["users"].__class__(5e6, "", "asked")
    monkeypatch.setitem(INPUTS, "users", changed)
    assert with_tables(page) != page


def _by_name(rows):
    return {row.name: row.value for row in rows}


def test_derivations():
    """By hand: 10e9 events of 63 bytes; 10e6 items of 65 floats; 10e9 / 20 requests in 86,400 s."""
    v = values()
    assert _by_name(storage(v))["tables, a day"] == pytest.approx(630e9)
    assert _by_name(tables(v))["corpus embeddings"] == pytest.approx(2.6e9)
    assert _by_name(index(v))["codes"] == pytest.approx(162.5e6)
    assert _by_name(serving(v))["requests a second, mean"] == pytest.approx(5787.04, rel=1e-5)
    # Ten times the items: 5,026 / 2,164 times the time, once more.
    assert _by_name(index(v))["searches a second and core"] == pytest.approx(2164**2 / 5026)


@pytest.mark.parametrize("table", list(TABLES))
def test_every_number_is_positive(table):
    assert all(row.value > 0 for row in TABLES[table](values()))
