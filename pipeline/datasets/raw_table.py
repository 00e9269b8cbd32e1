"""Raw rows under canonical names, with the rows that could not be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Fault:
    """Rows that break a rule.

    Attributes:
      rule: The rule's name.
      rows: [F] int64 numbers of the rows in their file.
      details: [F] what is wrong with each, or empty.
    """

    rule: str
    rows: np.ndarray
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Faults:
    """Rows that were left out of a table, by the rules that they break."""

    faults: tuple[Fault, ...] = ()

    def plus(self, rule: str, rows: np.ndarray, details: Sequence[str] = ()) -> Faults:
        """These and more; nothing changes if `rows` is empty."""
        return Faults((*self.faults, Fault(rule, rows, tuple(details)))) if len(rows) else self


@dataclass(frozen=True)
class RawTable:
    """A piece of a raw file.

    Attributes:
      table: Rows that could be read; columns of any type under canonical names.
      rows: [N] int64 number of each row in its file, the first one 1.
      file: The file's name.
      faults: What could not be read.
    """

    table: pa.Table
    rows: np.ndarray
    file: str
    faults: Faults = field(default_factory=Faults)

    @property
    def last_row(self) -> int:
        """The largest number, 0 without a row."""
        numbers = [self.rows, *(fault.rows for fault in self.faults.faults)]
        return max((int(n[-1]) for n in numbers if len(n)), default=0)

    @property
    def num_read(self) -> int:
        """Rows that were read, those left out included."""
        return len(self.rows) + sum(len(fault.rows) for fault in self.faults.faults)

    def after(self, row: int) -> RawTable:
        """Without the rows up to a number."""
        if row == 0:
            return self
        kept = self.rows > row
        faults = Faults()
        for fault in self.faults.faults:
            late = fault.rows > row
            details = [d for d, ok in zip(fault.details, late, strict=True) if ok] if fault.details else ()
            faults = faults.plus(fault.rule, fault.rows[late], details)
        return replace(self, table=self.table.filter(pa.array(kept)), rows=self.rows[kept], faults=faults)

    def with_column(self, name: str, values: pa.Array | pa.ChunkedArray | str) -> RawTable:
        """With a column added or replaced; a text stands for itself in every row."""
        if isinstance(values, str):
            values = pa.array([values] * len(self.rows), pa.string())
        if name in self.table.column_names:
            place = self.table.column_names.index(name)
            return replace(self, table=self.table.set_column(place, name, values))
        return replace(self, table=self.table.append_column(name, values))

    def changed(self, name: str, change: Callable[[pa.ChunkedArray], pa.Array | pa.ChunkedArray]) -> RawTable:
        """With one column put through a function."""
        return self.with_column(name, change(self.table[name]))

    def take(self, positions: np.ndarray) -> RawTable:
        """The rows at positions, which may repeat: how one raw row becomes several events."""
        return replace(self, table=self.table.take(pa.array(positions)), rows=self.rows[positions])
