"""Raw files: CSV and Parquet behind one interface."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipeline.errors import InputError

_PARQUET_SUFFIXES = (".parquet", ".pq")
_BLOCK_BYTES = 1 << 24  # also the longest row that a CSV file may have
_SHOWN_CHARACTERS = 50

T = TypeVar("T")


class RawFile:
    """A CSV or Parquet file, told apart by the suffix; a CSV file may be compressed (`.csv.gz`)."""

    def __init__(self, path: Path, separator: str = ","):
        """Names the file; nothing is read.

        Args:
          path: The file.
          separator: The one character between the columns of a CSV file.
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
        if len(self._separator) != 1:
            raise InputError(f"{self.path}: the separator must be one character, not '{self._separator}'")
        header = self._guarded(lambda: next(self._records(), None))
        if header is None:
            raise InputError(f"{self.path} is empty; it needs a header line with the columns' names")
        return header[1]

    def require(self, columns: Iterable[str]) -> None:
        """Checks that columns exist, once each.

        Raises:
          InputError: One does not; the message lists those that do.
        """
        have = self.columns()
        for column in columns:
            if column not in have:
                raise InputError(f"{self.path} has no column '{column}'; it has {', '.join(have)}")
            if have.count(column) > 1:
                raise InputError(f"{self.path} has more than one column '{column}'; rename one")

    def read(self, columns: Sequence[str]) -> dict[str, RawColumn]:
        """Reads columns; every cell of a CSV file as text, exactly as it stands.

        Returns:
          The columns by name.

        Raises:
          InputError: The file cannot be read, lacks a column, or has rows of another width than
            its header.
        """
        self.require(columns)
        wanted = list(dict.fromkeys(columns))
        table = self._guarded(
            lambda: pq.read_table(self.path, columns=wanted) if self._is_parquet else self._read_csv(wanted)
        )
        return {name: RawColumn(name, table[name], self) for name in wanted}

    def place(self, row: int) -> str:
        """How a person finds the row of this index: by line in a CSV file."""
        if not self._is_parquet:
            with suppress(csv.Error):  # a cell longer than Python's reader takes: the number must do
                for record, (line, _) in enumerate(self._records()):
                    if record == row + 1:  # the header is record 0
                        return f"line {line}"
        return f"row {row + 1}"

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The lines at which a CSV file's records start, and their cells; blank lines have none."""
        with pa.input_stream(str(self.path)) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
            reader = csv.reader(text, delimiter=self._separator)
            line = 1
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1

    def _read_csv(self, wanted: list[str]) -> pa.Table:
        odd_rows: list[pa_csv.InvalidRow] = []

        def note(row: pa_csv.InvalidRow) -> str:
            odd_rows.append(row)
            return "skip"

        table = pa_csv.read_csv(
            self.path,
            # With threads, rows have no numbers.
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._separator, newlines_in_values=True, invalid_row_handler=note
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=wanted,
                column_types={name: pa.string() for name in wanted},
                strings_can_be_null=False,
            ),
        )
        if odd_rows:
            first = odd_rows[0]
            raise InputError(
                f"{self.path}: {count_rows(len(odd_rows))} another number of cells than the header's "
                f"{first.expected_columns}; the first is {self.place(first.number - 2)} with "
                f"{first.actual_columns}: {first.text[:_SHOWN_CHARACTERS]!r}; "
                "a cell with a separator inside must stand in double quotes"
            )
        return table

    def _guarded(self, read: Callable[[], T]) -> T:
        """Runs a reader and turns what it raises into a message."""
        kind = "Parquet" if self._is_parquet else "UTF-8 CSV"
        try:
            self.path.open("rb").close()  # the system's own words, where Arrow's are long
            return read()
        except pa.ArrowException as error:
            raise InputError(f"{self.path} is not a {kind} file: {error}") from error
        except (UnicodeDecodeError, EOFError, csv.Error) as error:
            raise InputError(f"{self.path} is not a {kind} file: {error}") from error
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from error


@dataclass(frozen=True)
class RawColumn:
    """A column as it stands in a file.

    Attributes:
      name: Its name there.
      values: Its cells: text if the file is CSV, any type if it is Parquet.
      file: The file.
    """

    name: str
    values: pa.ChunkedArray
    file: RawFile

    def refuse(self, wrong: np.ndarray, what: str) -> None:
        """Raises if any row is wrong.

        Args:
          wrong: [N] bool.
          what: What wrong rows have.

        Raises:
          InputError: It says how many rows are wrong, and shows the first.
        """
        rows = np.flatnonzero(wrong)
        if len(rows) == 0:
            return
        row = int(rows[0])
        shown = str(self.values[row].as_py())[:_SHOWN_CHARACTERS]
        raise InputError(
            f"{self.file.path}: {count_rows(len(rows))} {what}; "
            f"the first is {self.file.place(row)}: {shown!r}"
        )


def count_rows(count: int) -> str:
    """Subject and verb of a sentence about rows."""
    return "1 row has" if count == 1 else f"{count:,} rows have"
