"""Raw files: CSV and Parquet behind one interface, read piece by piece."""

from __future__ import annotations

import csv
import io
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipeline.datasets.raw_table import Faults, RawTable
from pipeline.datasets.utf8_copy import MARK, copy_as_utf8
from pipeline.errors import InputError

_PARQUET_SUFFIXES = (".parquet", ".pq")
_SUFFIXES = (*_PARQUET_SUFFIXES, ".csv", ".tsv", ".gz", ".bz2")
# A CSV file is read in such blocks; where one row is longer, in the larger ones.
_BLOCK_BYTES = (1 << 24, 1 << 28)
_ROWS_PER_TABLE = 1 << 17
_BYTES_PER_CSV_ROW = 40  # a guess, for files whose rows nobody has counted
_SHOWN_CHARACTERS = 50

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """A piece of a file that one worker reads by itself.

    Attributes:
      file: The file.
      row_groups: Of a Parquet file; `None` for all of a CSV file.
    """

    file: RawFile
    row_groups: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """For people."""
        return self.file.name


class RawFile:
    """A CSV or Parquet file, told apart by the suffix; a CSV file may be compressed (`.csv.gz`)."""

    def __init__(
        self,
        path: Path,
        separator: str = ",",
        header: tuple[str, ...] | None = None,
        quoted: bool = True,
        prefix: str = "",
    ):
        """Names the file; nothing is read.

        Args:
          path: The file.
          separator: The one character between the columns of a CSV file.
          header: The columns of a CSV file whose first line does not name them.
          quoted: Whether double quotes may enclose a cell of a CSV file.
          prefix: What tells people of it before the file's name, where others have the same name.
        """
        self.path = path
        self.name = f"{prefix}{path.name}"
        self._separator = separator
        self._header = header
        self._quoted = quoted
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
        first = self._guarded(self._first_record)
        if self._header is not None:
            return list(self._header)
        if first is None:
            raise InputError(f"{self.path} is empty; it needs a header line with the columns' names")
        return first

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

    def num_rows(self) -> int:
        """Rows of a Parquet file; of a CSV file, a guess by its size."""
        if self._is_parquet:
            return self._guarded(lambda: pq.read_metadata(self.path).num_rows)
        return math.ceil(self._guarded(lambda: self.path.stat().st_size) / _BYTES_PER_CSV_ROW)

    def parts(self) -> list[Part]:
        """The pieces that may be read at the same time, in the file's order."""
        if not self._is_parquet:
            return [Part(self)]
        metadata = self._guarded(lambda: pq.read_metadata(self.path))
        parts, group, rows = [], [], 0
        for i in range(metadata.num_row_groups):
            group.append(i)
            rows += metadata.row_group(i).num_rows
            if rows >= _ROWS_PER_TABLE:
                parts.append(Part(self, tuple(group)))
                group, rows = [], 0
        return [*parts, Part(self, tuple(group))] if group or not parts else parts

    def read(self, columns: Mapping[str, str], part: Part | None = None) -> Iterator[RawTable]:
        """Reads columns, piece by piece; every cell of a CSV file as text, exactly as it stands.

        Args:
          columns: The name that each column is to have, to the column's name in the file.
          part: A part of this file; by default the whole file.

        Yields:
          Tables of some hundred thousand rows at most, of the first part first.

        Raises:
          InputError: The file cannot be read or lacks a column.
        """
        self.require(columns.values())
        if self._is_parquet:
            yield from self._read_parquet(columns, part.row_groups if part else None)
        else:
            yield from self._read_csv(columns)

    def _read_parquet(
        self, columns: Mapping[str, str], row_groups: tuple[int, ...] | None
    ) -> Iterator[RawTable]:
        file = self._guarded(lambda: pq.ParquetFile(self.path))
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        for group in row_groups if row_groups is not None else range(len(sizes)):
            first = sum(sizes[:group]) + 1
            batches = file.iter_batches(
                _ROWS_PER_TABLE, row_groups=[group], columns=list(dict.fromkeys(columns.values()))
            )
            for batch in self._each(batches):
                table = pa.Table.from_batches([batch])
                yield self._table(table, columns, np.arange(first, first + len(batch)), Faults())
                first += len(batch)

    def _read_csv(self, columns: Mapping[str, str]) -> Iterator[RawTable]:
        done, source, is_marked, blocks = 0, str(self.path), False, list(_BLOCK_BYTES)
        with ExitStack() as stack:
            while blocks:
                try:
                    for raw in self._csv_tables(columns, _CsvSource(source, is_marked, blocks[0]), done):
                        done = int(raw.last_row)
                        yield raw
                    return
                except _RowTooLongError:
                    blocks.pop(0)
                except _RowUnreadableError:
                    if is_marked:
                        raise
                    source, is_marked = stack.enter_context(self._marked_copy()), True
        limit = _BLOCK_BYTES[-1] >> 20
        raise InputError(f"{self.path} has a row longer than {limit} MB after row {done:,}; mend the file")

    @contextmanager
    def _marked_copy(self) -> Iterator[str]:
        """Path of a copy that is UTF-8; it has no name, so that nothing is left of it."""
        with self._guarded(lambda: tempfile.TemporaryFile()) as copy:
            with self._guarded(lambda: pa.input_stream(str(self.path))) as file:
                self._guarded(lambda: copy_as_utf8(file, copy))
            yield f"/dev/fd/{copy.fileno()}"

    def _csv_tables(self, columns: Mapping[str, str], source: _CsvSource, done: int) -> Iterator[RawTable]:
        """The tables after row `done`."""
        misfits: list[pa_csv.InvalidRow] = []

        def note(row: pa_csv.InvalidRow) -> str:
            misfits.append(row)
            return "skip"

        wanted = list(dict.fromkeys(columns.values()))
        reader = self._guarded(lambda: self._open_csv(source, wanted, note))
        header_rows = 0 if self._header else 1
        numbering = _Numbering(header_rows)
        for batch in self._each(reader):
            numbers = numbering.of(batch.num_rows, misfits)
            faults = _misfit_faults(misfits, numbers[-1] if len(numbers) else 0, header_rows)
            raw = self._table(pa.Table.from_batches([batch]), columns, numbers, faults, source.is_marked)
            if raw.last_row > done:
                yield raw.after(done)
        if misfits:
            faults = _misfit_faults(misfits, misfits[-1].number, header_rows)
            empty = pa.table({name: pa.array([], pa.binary()) for name in wanted})
            yield self._table(empty, columns, np.zeros(0, np.int64), faults).after(done)

    def _open_csv(
        self, source: _CsvSource, wanted: list[str], note: Callable[[pa_csv.InvalidRow], str]
    ) -> Iterable[pa.RecordBatch]:
        """Arrow's reader; nothing if there are no rows."""
        try:
            return pa_csv.open_csv(
                source.path,
                # With threads, rows have no numbers.
                read_options=pa_csv.ReadOptions(
                    use_threads=False, block_size=source.block_bytes, column_names=self._header
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self._separator,
                    quote_char='"' if self._quoted else False,
                    newlines_in_values=self._quoted,
                    invalid_row_handler=note,
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=wanted,
                    # As bytes, so that one that is no UTF-8 does not spoil the file.
                    column_types=dict.fromkeys(wanted, pa.binary()),
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            if "Empty CSV file" in str(error):  # as Arrow calls one whose header has no line end, too
                return ()
            raise

    def _table(
        self,
        table: pa.Table,
        columns: Mapping[str, str],
        numbers: np.ndarray,
        faults: Faults,
        is_marked: bool = False,
    ) -> RawTable:
        """The columns under their new names, text decoded."""
        decoded, is_text = {}, np.ones(len(table), bool)
        for column in table.column_names:
            decoded[column], good = _decode(table[column])
            if is_marked:
                good &= ~pc.match_substring(decoded[column], MARK).to_numpy()
            is_text &= good
        faults = faults.plus("not_utf8", numbers[~is_text])
        named = pa.table({name: decoded[column] for name, column in columns.items()})
        if not is_text.all():
            named, numbers = named.filter(pa.array(is_text)), numbers[is_text]
        return RawTable(named, numbers, self.name, faults)

    def _first_record(self) -> list[str] | None:
        """The cells of the first line that is not blank; nothing of a file without a header."""
        with (
            pa.input_stream(str(self.path)) as raw,
            # What comes after the header may be anything.
            io.TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="") as text,
        ):
            if self._header is not None:
                text.read(1)
                return None
            reader = csv.reader(
                text,
                delimiter=self._separator,
                quoting=csv.QUOTE_MINIMAL if self._quoted else csv.QUOTE_NONE,
            )
            cells = next(filter(None, reader), None)
        for cell in cells or ():
            cell.encode()  # raises where the header is no UTF-8
        return cells

    def _each(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches, with what the reader raises turned into a message."""
        iterator = iter(batches)
        while True:
            try:
                batch = next(iterator)
            except StopIteration:
                return
            except (pa.ArrowException, OSError) as error:
                self._guarded(_raises(error))
            yield batch

    def _guarded(self, read: Callable[[], T]) -> T:
        """Runs a reader and turns what it raises into a message."""
        kind = "Parquet" if self._is_parquet else "UTF-8 CSV"
        try:
            self.path.open("rb").close()  # the system's own words, where Arrow's are long
            return read()
        except pa.ArrowException as error:
            if "straddl" in str(error):
                raise _RowTooLongError from error
            if "CSV parse error: " in str(error) and " columns, got " in str(error):
                raise _RowUnreadableError from error
            raise InputError(f"{self.path} is not a {kind} file: {error}") from error
        except (UnicodeError, EOFError, csv.Error) as error:
            raise InputError(f"{self.path} is not a {kind} file: {error}") from error
        except OSError as error:
            raise InputError(f"cannot read {self.path}: {error.strerror or error}") from error


def raw_files(path: Path, separator: str = ",", prefix: str = "") -> list[RawFile]:
    """The file of a path, or the files of a folder in the order of their names.

    Args:
      path: The file or folder.
      separator: See :class:`RawFile`.
      prefix: See :class:`RawFile`.

    Raises:
      InputError: The folder holds no CSV or Parquet file.
    """
    if not path.is_dir():
        return [RawFile(path, separator, prefix=prefix)]
    visible = (p for p in path.iterdir() if not p.name.startswith((".", "_")) and p.is_file())
    paths = sorted(p for p in visible if p.suffix.lower() in _SUFFIXES)
    if not paths:
        raise InputError(f"the folder {path} has no CSV or Parquet file")
    return [RawFile(p, separator, prefix=prefix) for p in paths]


class _CsvSource(NamedTuple):
    """What Arrow is to read: a path, whether it is a marked copy, and the bytes of a block."""

    path: str
    is_marked: bool
    block_bytes: int


class _RowTooLongError(Exception):
    """A row does not fit a block."""


class _RowUnreadableError(Exception):
    """A row of another width is no UTF-8, so that Arrow cannot tell of it."""


def _raises(error: Exception) -> Callable[[], None]:
    def read() -> None:
        raise error

    return read


class _Numbering:
    """Numbers the rows that a reader kept; it may tell of rows that it left out before their time."""

    def __init__(self, header_rows: int):
        self._header_rows = header_rows
        self._next = 1 + header_rows  # the next record of the file, the header included

    def of(self, count: int, misfits: list[pa_csv.InvalidRow]) -> np.ndarray:
        """[count] numbers of the next rows that fit, the first after the header being 1."""
        left_out = np.array([row.number for row in misfits if row.number >= self._next], np.int64)
        records = np.arange(self._next, self._next + count + len(left_out))
        records = records[~np.isin(records, left_out)][:count]
        if count:
            self._next = int(records[-1]) + 1
        return records - self._header_rows


def _misfit_faults(misfits: list[pa_csv.InvalidRow], last: int, header_rows: int) -> Faults:
    """Takes those up to row `last` off the list of rows of another width."""
    due = [row for row in misfits if row.number - header_rows <= last]
    misfits[:] = misfits[len(due) :]
    numbers = np.array([row.number - header_rows for row in due], np.int64)
    details = [row.text[:_SHOWN_CHARACTERS].replace(MARK, "\ufffd") for row in due]
    return Faults().plus("unparsable_row", numbers, details)


def _decode(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, np.ndarray]:
    """Bytes as text, and where they are UTF-8; anything else as it is."""
    if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
        return column, np.ones(len(column), bool)
    try:
        return pc.cast(column, pa.string()), np.ones(len(column), bool)
    except pa.ArrowInvalid:
        values = column.to_pylist()  # seldom, and only the block that holds the bytes
    good = np.array([_is_utf8(value) for value in values])
    texts = [
        value.decode() if ok and value is not None else None for value, ok in zip(values, good, strict=True)
    ]
    return pa.chunked_array([pa.array(texts, pa.string())]), good


def _is_utf8(value: bytes | None) -> bool:
    try:
        return value is None or value.decode() is not None
    except UnicodeDecodeError:
        return False
