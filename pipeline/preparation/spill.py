"""Tables between two steps, as files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

SPILL_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


def write_arrow(table: pa.Table, path: Path) -> None:
    """Writes a table for the next step."""
    with pa.ipc.new_file(str(path), table.schema, options=SPILL_OPTIONS) as file:
        file.write_table(table)


def read_arrow(path: Path) -> pa.Table:
    """Reads what a step wrote."""
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
