"""What every adapter's tables must hold, whatever they were made from."""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import InputError
from schemas.features import ITEM_ID, TIMESTAMP, USER_ID, Encoding, Stream, TableLayout, declare_features
from schemas.tables import CanonicalTables, interactions_schema, items_schema, users_schema

# What TensorFlow takes for the name of an input.
_NAME = re.compile(r"[A-Za-z0-9_]+")


def check_layout(layout: TableLayout) -> None:
    """Checks the attributes' names.

    Raises:
      InputError: A name cannot be the name of a feature, or two features would share one.
    """
    features = declare_features(layout, crosses=())
    for stream in Stream:
        names = [f.name for f in features.of(stream)]
        for name in names:
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"data: the attribute '{name}' cannot be a feature's name; "
                    "name it with letters a to z, digits and underscores"
                )
        names += [f.bucket_name for f in features.of(stream, Encoding.NUMBER)]
        shared = [name for name, count in Counter(names).items() if count > 1]
        if shared:
            raise InputError(f"data: two features would have the name '{shared[0]}'; rename an attribute")


def check_tables(tables: CanonicalTables, layout: TableLayout) -> None:
    """Checks canonical tables.

    Raises:
      InputError: A table's columns or types are not the layout's, a value that must be there is
        not, an id stands twice or has a line break, an interaction's item is not among the items,
        or a time lies before 1970.
    """
    _check_columns("interactions", tables.interactions, interactions_schema(layout))
    _check_columns("items", tables.items, items_schema(layout))
    _check_columns("users", tables.users, users_schema(layout))
    for name, ids in (("items", tables.items[ITEM_ID]), ("users", tables.users[USER_ID])):
        _check_unique(name, ids)
        _check_one_line(name, ids)
    _check_one_line("interactions", tables.interactions[USER_ID])
    used = pc.unique(tables.interactions[ITEM_ID])
    stray = used.filter(pc.invert(pc.is_in(used, tables.items[ITEM_ID].combine_chunks())))
    if len(stray):
        raise InputError(f"{len(stray):,} items have interactions but no row in items, '{stray[0]}' first")
    earliest = pc.min(tables.interactions[TIMESTAMP]).as_py()
    if earliest is not None and earliest < 0:
        raise InputError(f"interactions: the time {earliest} lies before 1970")


def _check_columns(name: str, table: pa.Table, expected: pa.Schema) -> None:
    """Checks names, types and order of the columns, and what must not be null."""
    if not table.schema.equals(expected):
        found = ", ".join(f"{f.name} {f.type}" for f in table.schema)
        wanted = ", ".join(f"{f.name} {f.type}" for f in expected)
        raise InputError(f"{name} should have the columns {wanted}; they are {found}")
    for field in expected:
        nulls = table[field.name].null_count
        if nulls and not field.nullable:
            raise InputError(f"{name}: {nulls:,} rows have no '{field.name}'")


def _check_unique(name: str, ids: pa.ChunkedArray) -> None:
    series = pd.Series(ids.to_pandas())
    repeated = series[series.duplicated()]
    if len(repeated):
        raise InputError(f"{name}: {len(repeated):,} rows repeat an id, '{repeated.iloc[0]}' first")


def _check_one_line(name: str, ids: pa.ChunkedArray) -> None:
    """Vocabularies are text files with one id a line."""
    broken = ids.filter(pc.match_substring_regex(ids, r"[\r\n]"))
    if len(broken):
        raise InputError(f"{name}: {len(broken):,} ids have a line break inside, {broken[0].as_py()!r} first")
