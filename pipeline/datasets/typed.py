"""Raw tables to canonical ones; what cannot be understood is rejected, by a named rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.reading import as_categories, as_mask, as_numbers, as_seconds, as_texts, as_vectors
from pipeline.errors import InputError
from schemas.features import (
    DWELL_SECONDS,
    EVENT_TYPE,
    ITEM_ID,
    TEXT,
    TIMESTAMP,
    TITLE,
    USER_ID,
    VALUE,
    TableLayout,
)
from schemas.quarantine import QUARANTINE_SCHEMA, Rule
from schemas.tables import interactions_schema, items_schema, users_schema

MAX_ID_BYTES = 512
MAX_TITLE_CHARACTERS = 512
MAX_TEXT_CHARACTERS = 20_000
_LONGEST_SECONDS = 1 << 40  # what does not fit a calendar is told apart from what does not fit an int64
_SHOWN_CHARACTERS = 50


@dataclass(frozen=True)
class TypedTable:
    """A piece of a canonical table.

    Attributes:
      table: The rows that stay.
      rows: [N] int64 number of each row in its file.
      file: The file's name.
      num_read: Rows that were read.
      rejects: What was left out, as `QUARANTINE_SCHEMA` has it.
    """

    table: pa.Table
    rows: np.ndarray
    file: str
    num_read: int
    rejects: pa.Table


def type_interactions(raw: RawTable, layout: TableLayout, timestamp_unit: str) -> TypedTable:
    """Canonical interactions of a raw table.

    Args:
      raw: With the columns that the layout asks for.
      layout: The optional columns.
      timestamp_unit: See :func:`pipeline.datasets.reading.as_seconds`.

    Raises:
      InputError: A column is missing, or its type cannot be used.
    """
    sieve = _Sieve(raw, "interactions")
    columns = {
        USER_ID: sieve.ids(USER_ID),
        ITEM_ID: sieve.ids(ITEM_ID),
        TIMESTAMP: sieve.times(TIMESTAMP, timestamp_unit),
    }
    if layout.has_value:
        columns[VALUE] = sieve.numbers(VALUE, required=True)
    if layout.has_event_type:
        columns[EVENT_TYPE] = sieve.ids(EVENT_TYPE)
    if layout.has_dwell:
        columns[DWELL_SECONDS] = sieve.numbers(DWELL_SECONDS)
    return sieve.typed(columns, interactions_schema(layout))


def type_items(raw: RawTable, layout: TableLayout) -> TypedTable:
    """Canonical items of a raw table, without vectors; see :func:`type_interactions`."""
    sieve = _Sieve(raw, "items")
    columns = {ITEM_ID: sieve.ids(ITEM_ID), TITLE: sieve.texts(TITLE, MAX_TITLE_CHARACTERS)}
    columns[TITLE] = pc.fill_null(columns[TITLE], "")
    if layout.has_text:
        columns[TEXT] = sieve.texts(TEXT, MAX_TEXT_CHARACTERS)
    columns |= {name: as_categories(sieve.column(name), name) for name in layout.item_categories}
    columns |= {name: sieve.numbers(name) for name in layout.item_numbers}
    vectors = {name for name, _ in layout.item_vectors}
    schema = items_schema(layout)
    return sieve.typed(columns, pa.schema([f for f in schema if f.name not in vectors]))


def type_users(raw: RawTable, layout: TableLayout) -> TypedTable:
    """Canonical users of a raw table; see :func:`type_interactions`."""
    sieve = _Sieve(raw, "users")
    columns = {USER_ID: sieve.ids(USER_ID)}
    columns |= {name: sieve.texts(name, MAX_TITLE_CHARACTERS) for name in layout.user_categories}
    columns |= {name: sieve.numbers(name) for name in layout.user_numbers}
    return sieve.typed(columns, users_schema(layout))


def vectors_of(raw: RawTable, name: str, dim: int) -> tuple[pa.ListArray, np.ndarray]:
    """Dense vectors of a raw table; see :func:`pipeline.datasets.reading.as_vectors`."""
    return as_vectors(_Sieve(raw, name).column(name), name, dim)


class _Sieve:
    """Turns columns into typed ones, and remembers which rows cannot be used and why."""

    def __init__(self, raw: RawTable, table_name: str):
        self._raw = raw
        self._table_name = table_name
        self._dropped = np.zeros(len(raw.rows), bool)
        self._rejects = [
            reject_records(table_name, raw.file, Rule(fault.rule), fault.rows, details=fault.details)
            for fault in raw.faults.faults
        ]

    def column(self, name: str) -> pa.ChunkedArray:
        """A raw column."""
        if name not in self._raw.table.column_names:
            have = ", ".join(self._raw.table.column_names)
            raise InputError(f"{self._raw.file}: {self._table_name} need a column '{name}'; there are {have}")
        return self._raw.table[name]

    def ids(self, name: str) -> pa.ChunkedArray:
        """Ids as text, exactly as they stand; a row without one is dropped."""
        ids = as_texts(self.column(name), name)
        self._drop(Rule.MISSING_KEY, ids.is_null(), name)
        broken = pc.or_(
            pc.greater(pc.binary_length(ids), MAX_ID_BYTES), pc.match_substring_regex(ids, r"[\r\n]")
        )
        self._drop(Rule.BAD_ID, pc.fill_null(broken, False), name)
        return ids

    def texts(self, name: str, longest: int) -> pa.ChunkedArray:
        """Texts; one that is too long is cut."""
        texts = as_texts(self.column(name), name)
        long = as_mask(pc.fill_null(pc.greater(pc.utf8_length(texts), longest), False))
        if not long.any():
            return texts
        self._note(Rule.CUT_TEXT, long, name)
        return pc.utf8_slice_codeunits(texts, 0, longest)

    def numbers(self, name: str, required: bool = False) -> pa.Array:
        """Numbers as float32; a row without a required one is dropped."""
        numbers = as_numbers(self.column(name), name)
        if required:
            self._drop(Rule.MISSING_KEY, numbers.missing, name)
            self._drop(Rule.UNPARSABLE_VALUE, numbers.wrong, name)
        else:
            self._note(Rule.UNPARSABLE_ATTRIBUTE, numbers.wrong, name)
        return pa.array(numbers.values.astype(np.float32), mask=numbers.missing | numbers.wrong)

    def times(self, name: str, unit: str) -> pa.Array:
        """Times as int64 seconds."""
        seconds = as_seconds(self.column(name), name, unit)
        self._drop(Rule.MISSING_KEY, seconds.missing, name)
        self._drop(Rule.UNPARSABLE_VALUE, seconds.wrong, name)
        outside = np.nan_to_num(np.abs(seconds.values)) > _LONGEST_SECONDS
        self._drop(Rule.IMPOSSIBLE_TIME, outside, name)
        unusable = seconds.missing | seconds.wrong | outside
        return pa.array(np.where(unusable, 0, seconds.values).astype(np.int64), mask=unusable)

    def typed(self, columns: dict[str, pa.Array | pa.ChunkedArray], schema: pa.Schema) -> TypedTable:
        """The rows that stay."""
        kept = ~self._dropped
        table = pa.table({field.name: columns[field.name] for field in schema})
        table = table.filter(pa.array(kept)).cast(schema)
        rejects = pa.concat_tables([QUARANTINE_SCHEMA.empty_table(), *self._rejects])
        return TypedTable(table, self._raw.rows[kept], self._raw.file, self._raw.num_read, rejects)

    def _drop(self, rule: Rule, wrong: pa.ChunkedArray | np.ndarray, name: str) -> None:
        """Drops rows, those that are dropped already left out of account."""
        fresh = as_mask(wrong) & ~self._dropped
        self._note(rule, fresh, name)
        self._dropped |= fresh

    def _note(self, rule: Rule, wrong: np.ndarray, name: str) -> None:
        """Records rows."""
        places = np.flatnonzero(wrong)
        if len(places) == 0:
            return
        raw = self._raw.table.take(pa.array(places))
        cells = [f"{name}: {str(cell)[:_SHOWN_CHARACTERS]!r}" for cell in raw[name].to_pylist()]
        if name == USER_ID:
            cells = [f"{name}"] * len(places)  # a user id stands in its own column, and nowhere else
        ids = {
            key: as_texts(raw[key], key).combine_chunks()
            for key in (USER_ID, ITEM_ID)
            if key in raw.column_names and rule not in (Rule.BAD_ID, Rule.MISSING_KEY)
        }
        self._rejects.append(
            reject_records(self._table_name, self._raw.file, rule, self._raw.rows[places], ids, cells)
        )


def reject_records(
    table_name: str,
    file: str | pa.Array,
    rule: Rule,
    rows: np.ndarray,
    columns: dict[str, pa.Array] | None = None,
    details: tuple[str, ...] | list[str] = (),
) -> pa.Table:
    """Records for the quarantine.

    Args:
      table_name: interactions, items or users.
      file: The file's name, or that of each row.
      rule: What the rows break.
      rows: [R] int64 numbers in their file.
      columns: Ids and times that are known of the rows.
      details: What is wrong with each row, if anything is to be said.

    Returns:
      [R] rows of `QUARANTINE_SCHEMA`.
    """
    count = len(rows)
    known: dict[str, pa.Array] = {
        "table": pa.array([table_name] * count, pa.string()),
        "rule": pa.array([rule.value] * count, pa.string()),
        "file": pa.array([file] * count, pa.string()) if isinstance(file, str) else file,
        "row": pa.array(rows, pa.int64()),
        **(columns or {}),
    }
    if details:
        known["detail"] = pa.array(details, pa.string())
    return pa.table(
        [known.get(f.name, pa.nulls(count, f.type)) for f in QUARANTINE_SCHEMA], schema=QUARANTINE_SCHEMA
    )
