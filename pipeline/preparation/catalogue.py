"""Items and users: tables that fit a machine, whatever the number of events."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.data import VectorsFile
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.raw_file import RawFile
from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.typed import TypedTable, reject_records, type_items, type_users, vectors_of
from pipeline.preparation.rejects import RejectCounts, without_raw_ids
from pipeline.privacy.erasure_list import ErasureList
from pipeline.privacy.pseudonyms import PseudonymKey
from schemas.features import ITEM_ID, TITLE, USER_ID, TableLayout
from schemas.quarantine import Rule
from schemas.tables import items_schema, users_schema


class Catalogue:
    """A table whose rows have an id of their own, and what was rejected of it.

    Attributes:
      table: The rows that are left.
      counts: How many were read and rejected.
      rejects: Records of the others.
    """

    def __init__(self, name: str, schema: pa.Schema):
        self.table = schema.empty_table()
        self.counts = RejectCounts()
        self.rejects: list[pa.Table] = []
        self._name = name

    def fill(self, raws: Iterable[RawTable], typed: Callable[[RawTable], TypedTable], id_name: str) -> None:
        """Takes rows in; of those that share an id the first stays."""
        pieces = [typed(raw) for raw in raws]
        if not pieces:
            return
        table = pa.concat_tables([piece.table for piece in pieces])
        rows = np.concatenate([piece.rows for piece in pieces])
        files = np.concatenate([np.full(len(piece.rows), piece.file, object) for piece in pieces])
        self.rejects = [piece.rejects for piece in pieces]
        repeated = pd.Series(table[id_name].to_pandas()).duplicated().to_numpy()
        if repeated.any():
            ids = {id_name: table[id_name].filter(pa.array(repeated)).combine_chunks()}
            self.rejects.append(
                reject_records(
                    self._name, pa.array(files[repeated], pa.string()), Rule.DUPLICATE, rows[repeated], ids
                )
            )
        self.table = table.filter(pa.array(~repeated))
        self.counts.read = sum(piece.num_read for piece in pieces)

    def keep(self, kept: np.ndarray, rule: Rule) -> None:
        """Keeps some rows; the others are counted, and not kept in the quarantine."""
        self.counts.rules[rule.value] += int((~kept).sum())
        self.table = self.table.filter(pa.array(kept))


def load_items(
    raws: Iterable[RawTable], layout: TableLayout, vectors: Mapping[str, VectorsFile]
) -> Catalogue:
    """Reads the items and their vectors.

    Args:
      raws: The raw items.
      layout: Its optional columns, and the vectors'.
      vectors: Files with vectors, by the features' names.

    Raises:
      InputError: A file cannot be read.
    """
    schema = items_schema(layout)
    without_vectors = replace(layout, item_vectors=())
    items = Catalogue("items", items_schema(without_vectors))
    items.fill(raws, lambda raw: type_items(raw, without_vectors), ITEM_ID)
    for name, dim in layout.item_vectors:
        items.table = items.table.append_column(name, _vectors(items, name, dim, vectors[name]))
    items.table = items.table.cast(schema)
    return items


def _vectors(items: Catalogue, name: str, dim: int, file: VectorsFile) -> pa.Array:
    """The vector of each item, null where there is none."""
    ids, columns = [], []
    for raw in RawFile(file.path).read({ITEM_ID: file.item_id, name: file.vector}):
        typed = type_items(raw.with_column(TITLE, ""), TableLayout())
        column, wrong = vectors_of(raw, name, dim)
        kept = np.isin(raw.rows, typed.rows)
        ids.append(typed.table[ITEM_ID].combine_chunks())
        columns.append(column.filter(pa.array(kept)))
        details = [f"{name}: not {dim} numbers"] * int(wrong.sum())
        items.rejects += [
            typed.rejects,
            reject_records("items", raw.file, Rule.UNPARSABLE_ATTRIBUTE, raw.rows[wrong], details=details),
        ]
    known = pa.concat_arrays(ids) if ids else pa.array([], pa.string())
    values = pa.concat_arrays(columns) if columns else pa.array([], pa.list_(pa.float32()))
    return values.take(pc.index_in(items.table[ITEM_ID].combine_chunks(), known))


def with_missing_items(items: pa.Table, used: pa.Array) -> pa.Table:
    """Adds a row for each used item that has none: its id stands for its title."""
    missing = used.filter(pc.invert(pc.is_in(used, items[ITEM_ID].combine_chunks())))
    if len(missing) == 0:
        return items
    logging.getLogger(__name__).warning(
        "%s items have interactions but no row among the items; their ids stand for their titles",
        f"{len(missing):,}",
    )
    columns = [
        missing if field.name in (ITEM_ID, TITLE) else pa.nulls(len(missing), field.type)
        for field in items.schema
    ]
    return pa.concat_tables([items, pa.Table.from_arrays(columns, schema=items.schema)])


def load_users(
    adapter: DatasetAdapter,
    layout: TableLayout,
    key: PseudonymKey | None,
    erased: ErasureList,
    min_users: int,
) -> Catalogue:
    """Reads the users' attributes.

    Args:
      adapter: The source.
      layout: Its optional columns.
      key: Of the pseudonyms.
      erased: People who must not come back.
      min_users: Attribute values that fewer people share become null, which is
        out-of-vocabulary.

    Raises:
      InputError: A file cannot be read.
    """
    users = Catalogue("users", users_schema(layout))
    users.fill(adapter.users(), lambda raw: type_users(raw, layout), USER_ID)
    users.rejects = [without_raw_ids(table, key) for table in users.rejects]
    if key is not None:
        users.table = _with_column(users.table, USER_ID, key.pseudonyms(users.table[USER_ID]))
    is_erased = erased.mask(users.table[USER_ID])
    if is_erased.any():
        users.keep(~is_erased, Rule.ERASED)
    for name in layout.user_categories:
        users.table = _with_column(users.table, name, _common_values(users.table[name], min_users))
    return users


def _common_values(column: pa.ChunkedArray, min_users: int) -> pa.ChunkedArray:
    """Values that enough rows share; null elsewhere."""
    counts = column.value_counts()
    common = counts.field("values").filter(pc.greater_equal(counts.field("counts"), min_users))
    return pc.if_else(pc.is_in(column, common.drop_null()), column, pa.scalar(None, column.type))


def _with_column(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.column_names.index(name), table.schema.field(name), values)
