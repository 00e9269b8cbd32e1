"""Reading and typing of raw columns, the same for every source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import InputError

_PARQUET_SUFFIXES = (".parquet", ".pq")


class RawFile:
    """A CSV or Parquet file, told apart by the suffix."""

    def __init__(self, path: Path, separator: str = ","):
        """Names the file; nothing is read.

        Args:
          path: The file.
          separator: Between the columns of a CSV file.
        """
        self.path = path
        self._separator = separator
        self._is_parquet = path.suffix.lower() in _PARQUET_SUFFIXES

    def columns(self) -> list[str]:
        """The file's columns.

        Raises:
          InputError: The file cannot be read.
        """
        if self._is_parquet:
            return self._guarded(lambda: list(pq.read_schema(self.path).names))
        return self._guarded(lambda: list(self._read_csv(nrows=0).columns))

    def require(self, columns: Iterable[str]) -> None:
        """Checks that columns exist.

        Raises:
          InputError: One does not; the message lists those that do.
        """
        have = self.columns()
        for column in columns:
            if column not in have:
                raise InputError(f"{self.path} has no column '{column}'; it has {', '.join(have)}")

    def read(self, columns: Sequence[str]) -> pd.DataFrame:
        """Reads columns; every cell of a CSV file as text, exactly as it stands.

        Raises:
          InputError: The file cannot be read or lacks a column.
        """
        self.require(columns)
        wanted = list(dict.fromkeys(columns))
        if self._is_parquet:
            return self._guarded(lambda: pq.read_table(self.path, columns=wanted).to_pandas())
        return self._guarded(lambda: self._read_csv(usecols=wanted))

    def line(self, row: int) -> str:
        """How a person finds a row: by line in a CSV file, the header being line 1."""
        return f"row {row + 1}" if self._is_parquet else f"line {row + 2}"

    def _read_csv(self, **options: Any) -> pd.DataFrame:
        return pd.read_csv(
            self.path,
            sep=self._separator,
            dtype=str,
            keep_default_na=False,
            encoding="utf-8",
            **options,
        )

    def _guarded(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from error
        except (
            UnicodeDecodeError,
            pd.errors.ParserError,
            pd.errors.EmptyDataError,
            pa.ArrowInvalid,
        ) as error:
            kind = "Parquet" if self._is_parquet else "UTF-8 CSV"
            raise InputError(f"{self.path} is not a {kind} file: {error}") from error


def digest(paths: Iterable[Path], mapping: object) -> str:
    """SHA-256 over files and a JSON-able description of how they are mapped.

    Raises:
      InputError: A file cannot be read.
    """
    hasher = hashlib.sha256(json.dumps(mapping, sort_keys=True, default=str).encode())
    for path in paths:
        try:
            with path.open("rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    hasher.update(block)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from error
        hasher.update(b"\0")
    return hasher.hexdigest()


def as_ids(column: pd.Series, file: RawFile) -> pa.Array:
    """Ids as text, exactly as they stand; a missing one is an error."""
    missing = column.isna() | (column.astype(str) == "")
    _refuse(missing, file, f"an empty '{column.name}'")
    return pa.array(column.astype(str), pa.string())


def as_texts(column: pd.Series) -> pa.Array:
    """Texts; an empty or missing one is null."""
    texts = column.where(column.notna(), "").astype(str)
    return pa.array(texts.where(texts != "", None), pa.string())


def as_numbers(column: pd.Series, file: RawFile, required: bool = False) -> pa.Array:
    """Finite numbers as float32; an empty cell is null, or an error if numbers are required."""
    numbers = pd.to_numeric(column.replace("", None), errors="coerce")
    given = column.notna() & (column.astype(str) != "")
    wrong = given & ~np.isfinite(numbers.astype(float))
    if required:
        wrong |= ~given
    _refuse(wrong, file, f"a '{column.name}' that is not a finite number", column)
    return pa.array(numbers.astype("float32"), pa.float32(), from_pandas=True)


def as_timestamps(column: pd.Series, file: RawFile, unit: str) -> pa.Array:
    """Times as int64 seconds since 1970 UTC.

    Args:
      column: The raw times.
      file: Where they come from.
      unit: `s`, `ms` or `iso`; an ISO time without a zone is taken for UTC.

    Raises:
      InputError: A time cannot be understood, or lies before 1970.
    """
    if unit == "iso":
        times = pd.to_datetime(column, errors="coerce", utc=True)
        seconds = times.astype("int64") / 1e9
        seconds = seconds.where(times.notna())
    else:
        seconds = pd.to_numeric(column, errors="coerce") / (1000 if unit == "ms" else 1)
    wrong = ~(np.isfinite(seconds.astype(float)) & (seconds >= 0))
    _refuse(wrong, file, f"a '{column.name}' that is not a time in unit '{unit}'", column)
    return pa.array(np.floor(seconds).astype("int64"), pa.int64())


def as_categories(column: pd.Series, separator: str | None) -> pa.Array:
    """Several categories a cell: a list as it stands, or a text cut at the separator."""

    def split(cell: Any) -> list[str]:
        if isinstance(cell, str):
            parts = cell.split(separator) if separator else [cell]
        else:
            parts = [] if cell is None or cell is pd.NA or isinstance(cell, float) else [str(c) for c in cell]
        return [part.strip() for part in parts if part.strip()]

    distinct = {cell: split(cell) for cell in column.unique()} if column.map(type).eq(str).all() else None
    lists = column.map(distinct.__getitem__ if distinct is not None else split)
    return pa.array(lists, pa.list_(pa.string()))


def refuse_duplicates(ids: pa.Array, name: str, file: RawFile) -> None:
    """Checks that ids are unique.

    Raises:
      InputError: They are not.
    """
    duplicated = pd.Series(ids.to_pandas(), name=name)
    _refuse(duplicated.duplicated(), file, f"a second '{name}'", duplicated)


def _refuse(wrong: pd.Series, file: RawFile, what: str, column: pd.Series | None = None) -> None:
    """Raises if any row is wrong, naming how many and the first."""
    count = int(wrong.sum())
    if count == 0:
        return
    row = int(np.flatnonzero(wrong.to_numpy())[0])
    shown = "" if column is None else f": {str(column.iloc[row])[:50]!r}"
    rows = "1 row has" if count == 1 else f"{count} rows have"
    raise InputError(f"{file.path}: {rows} {what}; the first is {file.line(row)}{shown}")
