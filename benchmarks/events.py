"""How many events a second the log in SQLite keeps, each call answered once its events are on the disk.

python -m benchmarks.events --output events.json
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from gateway.events.event import Event
from gateway.events.sqlite_log import SqliteEventLog
from pipeline.console import out

BATCHES = (1, 10, 100)
CALLERS = (1, 8, 32)


async def measure(folder: Path, batch: int, callers: int, seconds: float) -> dict[str, Any]:
    """Lets callers append until the time is over.

    Args:
      folder: Of the log.
      batch: Events a call.
      callers: Calls at a time.
      seconds: How long.

    Returns:
      Events and calls a second, and the 50th and 99th percentile of a call's milliseconds.
    """
    log = SqliteEventLog(folder)
    took: list[float] = []
    end = time.monotonic() + seconds

    async def call(caller: int) -> None:
        number = 0
        while (since := time.monotonic()) < end:
            now = time.time_ns() // 1_000_000
            ids = [f"{batch}.{callers}.{caller}.{number + place}" for place in range(batch)]
            await log.append([_event(event_id, now) for event_id in ids])
            took.append(time.monotonic() - since)
            number += batch

    since = time.monotonic()
    await asyncio.gather(*(call(caller) for caller in range(callers)))
    elapsed = time.monotonic() - since
    await log.close()
    p50, p99 = (float(np.percentile(took, percent)) * 1000 for percent in (50, 99))
    return {
        "batch": batch,
        "callers": callers,
        "events_per_second": len(took) * batch / elapsed,
        "calls_per_second": len(took) / elapsed,
        "p50_ms": p50,
        "p99_ms": p99,
    }


def syncs_per_second(folder: Path, seconds: float) -> float:
    """How often the disk can be told to keep a page: what one caller alone cannot exceed."""
    count, since = 0, time.monotonic()
    with (folder / "sync").open("wb") as file:
        while time.monotonic() - since < seconds:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            count += 1
    return count / (time.monotonic() - since)


def _event(event_id: str, now: int) -> Event:
    return Event(
        event_id=event_id,
        kind="click",
        user=f"{hash(event_id) % 100_000:032x}",
        item_id=f"item{hash(event_id) % 10_000}",
        timestamp_ms=now,
        request_id="0123456789abcdef" * 2,
        rank=3,
        received_ms=now,
    )


def main() -> None:
    """Measures all combinations, shows them, and writes them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each combination")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; by default a temporary one")
    parser.add_argument("--output", type=Path, help="JSON file")
    options = parser.parse_args()
    table = Table("events a call", "callers", "events/s", "calls/s", "p50 ms", "p99 ms", box=None)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        syncs = syncs_per_second(Path(folder), options.seconds)
        rows = [
            asyncio.run(measure(Path(folder) / f"{batch}-{callers}", batch, callers, options.seconds))
            for batch in BATCHES
            for callers in CALLERS
        ]
    for row in rows:
        numbers = (f"{row[name]:,.0f}" for name in ("events_per_second", "calls_per_second"))
        table.add_row(
            str(row["batch"]), str(row["callers"]), *numbers, f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}"
        )
    out.print(table)
    out.print(f"the disk syncs {syncs:,.0f} times a second")
    if options.output is not None:
        text = json.dumps({"syncs_per_second": syncs, "rows": rows}, indent=2)
        options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
