"""One person's rows in a Parquet table: found, and taken out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.files import replaced
from pipeline.privacy.person import Person
from schemas.features import ITEM_ID, USER_ID
from schemas.quarantine import FILE, RULE, TABLE

# Rejected rows are kept for people to look at; what they quote may name a person.
QUARANTINE = "quarantine"
_NO_QUOTES = (ITEM_ID, FILE, RULE, TABLE)


def table_holds(path: Path, person: Person) -> bool:
    """Whether a table has rows of a person; a damaged one counts as one that has.

    Args:
      path: A Parquet file. Below a folder `quarantine` what is quoted counts, elsewhere `user_id` alone.
      person: The person.

    Raises:
      OSError: The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            table = pq.ParquetFile(file)
            names = _columns(table.schema_arrow, path)
            return bool(names) and any(
                _rows(batch, person).any() for batch in table.iter_batches(columns=names)
            )
    except (pa.ArrowInvalid, OSError) as error:
        _raise_if_unreadable(error)
        return True


def remove_rows(path: Path, person: Person) -> int:
    """Writes a table anew without a person's rows; the file changes whole or not at all.

    Returns:
      How many rows were taken out.

    Raises:
      InputError: It is not a Parquet file.
      OSError: It cannot be read or written.
    """
    removed = 0
    try:
        with path.open("rb") as file, replaced(path) as output:
            table = pq.ParquetFile(file)
            names = _columns(table.schema_arrow, path)
            with pq.ParquetWriter(output, table.schema_arrow) as writer:
                for batch in table.iter_batches():
                    theirs = _rows(pa.Table.from_batches([batch]).select(names), person)
                    removed += int(theirs.sum())
                    writer.write_table(pa.Table.from_batches([batch]).filter(pa.array(~theirs)))
    except (pa.ArrowInvalid, OSError) as error:
        _raise_if_unreadable(error)
        raise InputError(
            f"{path} is damaged, and nobody can be taken out of it; remove {path.parent} and erase again"
        ) from error
    return removed


def _raise_if_unreadable(error: Exception) -> None:
    """Lets the system's errors pass; Arrow's own, of damaged content, have no number."""
    if isinstance(error, OSError) and error.errno is not None:
        raise error


def _columns(schema: pa.Schema, path: Path) -> list[str]:
    """The columns that may name a person."""
    texts = [field.name for field in schema if _is_text(field.type)]
    if QUARANTINE in path.parts[-3:]:
        return [name for name in texts if name not in _NO_QUOTES]
    return [name for name in texts if name == USER_ID]


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _rows(batch: pa.RecordBatch | pa.Table, person: Person) -> np.ndarray:
    """[N] bool: which rows are the person's."""
    found = np.zeros(batch.num_rows, np.bool_)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        text = column.cast(pa.string())
        if name == USER_ID:
            theirs = pc.is_in(text, value_set=pa.array(person.forms))
            found |= np.asarray(theirs)
            continue
        for form in person.forms:
            for row in np.flatnonzero(np.asarray(pc.match_substring(text, form).fill_null(False))):
                found[row] |= person.is_named_in(text[int(row)].as_py().encode())
    return found
