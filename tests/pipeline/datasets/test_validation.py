"""Checks of layouts and canonical tables."""

from dataclasses import replace

import pyarrow as pa
import pytest

from pipeline.datasets.validation import check_layout, check_tables
from pipeline.errors import InputError
from schemas.features import TableLayout
from schemas.tables import CanonicalTables, interactions_schema, items_schema, users_schema

LAYOUT = TableLayout(item_numbers=("item_year",))


def _interactions(user="u", item="a", time=5):
    return pa.table([[user], [item], [time], [1.0]], interactions_schema(LAYOUT))


def _items(*ids):
    return pa.table([list(ids), ["t"] * len(ids), [1.0] * len(ids)], items_schema(LAYOUT))


TABLES = CanonicalTables(_interactions(), _items("a", "b"), pa.table([["u"]], users_schema(LAYOUT)))


def test_good_tables():
    check_tables(TABLES, LAYOUT)
    empty = CanonicalTables(*(t.slice(0, 0) for t in (TABLES.interactions, TABLES.items, TABLES.users)))
    check_tables(empty, LAYOUT)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"items": TABLES.items.drop(["item_year"])}, "items should have the columns .* item_year float"),
        ({"users": pa.table({"user_id": [1]})}, "users should have the columns user_id string; they are"),
        ({"interactions": _interactions(user=None)}, "interactions: 1 rows have no 'user_id'"),
        ({"items": _items("a", "b", "a")}, "items: 1 rows repeat an id, 'a' first"),
        ({"users": pa.table([["u", "u"]], users_schema(LAYOUT))}, "users: 1 rows repeat an id, 'u'"),
        ({"interactions": _interactions(item="c")}, "1 items have interactions but no row in items, 'c'"),
        ({"items": _items("a", "b\nc")}, r"items: 1 ids have a line break inside, 'b\\nc' first"),
        ({"interactions": _interactions(user="u\r")}, "interactions: 1 ids have a line break inside"),
        ({"interactions": _interactions(time=-1)}, "the time -1 lies before 1970"),
    ],
)
def test_bad_tables(changes, message):
    with pytest.raises(InputError, match=message):
        check_tables(replace(TABLES, **changes), LAYOUT)


def test_layouts():
    check_layout(LAYOUT)
    # The same name on both sides is two features of two streams.
    check_layout(TableLayout(user_categories=("x",), item_categories=("x",)))


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (TableLayout(user_categories=("user_id",)), "two features would have the name 'user_id'"),
        (TableLayout(user_categories=("user_a",), user_numbers=("user_a",)), "name 'user_a'"),
        (
            TableLayout(item_categories=("item_a_bucket",), item_numbers=("item_a",)),
            "name 'item_a_bucket'",
        ),
        (TableLayout(item_numbers=("item_a b",)), "'item_a b' cannot be a feature's name"),
        (TableLayout(user_numbers=("user_岁",)), "'user_岁' cannot be a feature's name"),
    ],
)
def test_bad_layouts(layout, message):
    with pytest.raises(InputError, match=message):
        check_layout(layout)
