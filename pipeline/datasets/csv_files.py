"""Anybody's own interactions, items and users, in CSV or Parquet files."""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import CategoriesColumn, CsvSource
from pipeline.datasets.raw_file import RawFile
from pipeline.datasets.reading import (
    as_categories,
    as_ids,
    as_numbers,
    as_texts,
    as_timestamps,
    digest,
    refuse_duplicates,
)
from schemas.features import ITEM_ID, TITLE, TableLayout, item_feature_name, user_feature_name
from schemas.tables import CanonicalTables, interactions_schema, items_schema, users_schema


class CsvFiles:
    """The adapter of a column mapping."""

    def __init__(self, source: CsvSource):
        """Names the files; nothing is read.

        Args:
          source: The mapping.
        """
        self._source = source
        self._interactions_file = RawFile(source.interactions.path, source.interactions.separator)
        self._items_file = RawFile(source.items.path, source.items.separator)
        users = source.users
        self._users_file = RawFile(users.path, users.separator) if users else None

    def check(self) -> None:
        """Checks that every mapped column exists."""
        self._interactions_file.require(self._interaction_columns())
        self._items_file.require(self._item_columns())
        if self._users_file is not None:
            self._users_file.require(self._user_columns())

    def layout(self) -> TableLayout:
        """The optional columns that are mapped."""
        source = self._source
        return TableLayout(
            user_categories=tuple(map(user_feature_name, source.users.categories if source.users else ())),
            user_numbers=tuple(map(user_feature_name, source.users.numbers if source.users else ())),
            item_categories=tuple(map(item_feature_name, source.items.categories)),
            item_numbers=tuple(map(item_feature_name, source.items.numbers)),
            has_value=source.interactions.value is not None,
            has_event_type=source.interactions.event_type is not None,
            has_text=source.items.text is not None,
        )

    def fingerprint(self) -> str:
        """Digest of the files and the mapping, the files' places left out."""
        files = [self._interactions_file, self._items_file, self._users_file]
        mapping = self._source.model_dump(
            mode="json", exclude={"interactions": {"path"}, "items": {"path"}, "users": {"path"}}
        )
        return digest([file.path for file in files if file is not None], mapping)

    def load(self) -> CanonicalTables:
        """Reads the files.

        An interaction with an item that the items file does not have keeps its place: the item
        gets a row with its id for a title.
        """
        interactions = self._interactions()
        items = _with_missing_items(self._items(), interactions[ITEM_ID].combine_chunks())
        return CanonicalTables(interactions, items, self._users())

    def _interaction_columns(self) -> list[str]:
        mapping = self._source.interactions
        optional = [c for c in (mapping.value, mapping.event_type) if c is not None]
        return [mapping.user_id, mapping.item_id, mapping.timestamp, *optional]

    def _item_columns(self) -> list[str]:
        mapping = self._source.items
        text = [mapping.text] if mapping.text is not None else []
        categories = [_column(c) for c in mapping.categories.values()]
        return [mapping.item_id, mapping.title, *text, *categories, *mapping.numbers.values()]

    def _user_columns(self) -> list[str]:
        mapping = self._source.users
        if mapping is None:
            return []
        return [mapping.user_id, *mapping.categories.values(), *mapping.numbers.values()]

    def _interactions(self) -> pa.Table:
        mapping = self._source.interactions
        raw = self._interactions_file.read(self._interaction_columns())
        columns = [
            as_ids(raw[mapping.user_id]),
            as_ids(raw[mapping.item_id]),
            as_timestamps(raw[mapping.timestamp], mapping.timestamp_unit),
        ]
        if mapping.value is not None:
            columns.append(as_numbers(raw[mapping.value], required=True))
        if mapping.event_type is not None:
            columns.append(as_ids(raw[mapping.event_type]))
        return pa.Table.from_arrays(columns, schema=interactions_schema(self.layout()))

    def _items(self) -> pa.Table:
        mapping = self._source.items
        raw = self._items_file.read(self._item_columns())
        ids = as_ids(raw[mapping.item_id])
        refuse_duplicates(raw[mapping.item_id], ids)
        columns = [ids, pc.fill_null(as_texts(raw[mapping.title]), "")]
        if mapping.text is not None:
            columns.append(as_texts(raw[mapping.text]))
        for column in mapping.categories.values():
            separator = column.separator if isinstance(column, CategoriesColumn) else None
            columns.append(as_categories(raw[_column(column)], separator))
        columns += [as_numbers(raw[column]) for column in mapping.numbers.values()]
        return pa.Table.from_arrays(columns, schema=items_schema(self.layout()))

    def _users(self) -> pa.Table:
        schema = users_schema(self.layout())
        mapping, file = self._source.users, self._users_file
        if mapping is None or file is None:
            return schema.empty_table()
        raw = file.read(self._user_columns())
        ids = as_ids(raw[mapping.user_id])
        refuse_duplicates(raw[mapping.user_id], ids)
        columns = [ids]
        columns += [as_texts(raw[column]) for column in mapping.categories.values()]
        columns += [as_numbers(raw[column]) for column in mapping.numbers.values()]
        return pa.Table.from_arrays(columns, schema=schema)


def _column(column: str | CategoriesColumn) -> str:
    return column if isinstance(column, str) else column.column


def _with_missing_items(items: pa.Table, used: pa.Array) -> pa.Table:
    """Adds rows for used items that the table does not have."""
    distinct = pc.unique(used)
    missing = distinct.filter(pc.invert(pc.is_in(distinct, items[ITEM_ID].combine_chunks())))
    if len(missing) == 0:
        return items
    logging.getLogger(__name__).warning(
        "%d items have interactions but no row in the items file; their ids stand for their titles",
        len(missing),
    )
    columns = [
        missing if field.name in (ITEM_ID, TITLE) else pa.nulls(len(missing), field.type)
        for field in items.schema
    ]
    return pa.concat_tables([items, pa.Table.from_arrays(columns, schema=items.schema)])
