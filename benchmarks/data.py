"""Times the data steps on synthetic events of growing number, and says how time and memory grow.

    python -m benchmarks.data --sizes 100000 1000000 10000000 --output data.json

Events have a long tail: item popularity falls as 1 / rank, users' activity is log-normal. Each size
runs in a process of its own; a step's memory is the largest resident set that was seen while it ran.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from pipeline.runners.steps import StepListener

_EVENTS_PER_USER = 40
_EVENTS_PER_ITEM = 50
_ROWS_PER_GROUP = 1 << 17
_FIRST_SECOND = 1_600_000_000
_SECONDS = 365 * 86400
_KINDS = np.array(["view", "basket", "purchase"], dtype=object)


def write_events(folder: Path, num_events: int, seed: int = 42) -> None:
    """Writes `log.parquet` and `items.parquet`, piece by piece.

    Args:
      folder: Where to.
      num_events: Rows of the log; about 40 a user and 50 an item.
      seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    num_users = max(num_events // _EVENTS_PER_USER, 100)
    num_items = max(num_events // _EVENTS_PER_ITEM, 100)
    activity = np.cumsum(rng.lognormal(0, 1.2, num_users))
    schema = pa.schema(
        [
            ("user_id", pa.string()),
            ("item_id", pa.string()),
            ("timestamp", pa.int64()),
            ("kind", pa.string()),
            ("amount", pa.float32()),
        ]
    )
    with pq.ParquetWriter(folder / "log.parquet", schema) as writer:
        for start in range(0, num_events, _ROWS_PER_GROUP):
            count = min(_ROWS_PER_GROUP, num_events - start)
            users = np.searchsorted(activity, rng.random(count) * activity[-1])
            # 1 / rank, by inversion of its logarithmic distribution function.
            items = np.minimum(np.exp(rng.random(count) * np.log(num_items)), num_items) - 1
            columns = [
                pa.array(np.char.add("user-", users.astype(str))),
                pa.array(np.char.add("item-", items.astype(np.int64).astype(str))),
                pa.array(_FIRST_SECOND + rng.integers(0, _SECONDS, count)),
                pa.array(rng.choice(_KINDS, count, p=[0.8, 0.15, 0.05])),
                pa.array(rng.lognormal(2, 1, count).astype(np.float32)),
            ]
            writer.write_table(pa.table(columns, schema=schema))
    ids = np.char.add("item-", np.arange(num_items).astype(str))
    titles = np.char.add("Thing number ", np.arange(num_items).astype(str))
    departments = np.char.add("department ", (np.arange(num_items) % 23).astype(str))
    prices = rng.lognormal(2, 1, num_items).astype(np.float32)
    items_table = {"item_id": ids, "title": titles, "department": departments, "price": prices}
    pq.write_table(pa.table(items_table), folder / "items.parquet")


def configuration(folder: Path) -> dict[str, Any]:
    """The configuration over the files of :func:`write_events`."""
    return {
        "name": "benchmark",
        "output": str(folder / "runs"),
        "privacy": {"user_ids": "raw"},
        "data": {
            "source": "csv",
            "interactions": {
                "path": str(folder / "log.parquet"),
                "value": "amount",
                "event_type": "kind",
            },
            "items": {
                "path": str(folder / "items.parquet"),
                "categories": {"department": "department"},
                "numbers": {"price": "price"},
            },
        },
        "ranking": {"tasks": [{"name": "purchase", "kind": "event", "event_type": "purchase"}]},
    }


class Measurements(StepListener):
    """Seconds and peak memory of each step; a listener of the runner."""

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, float]] = {}
        self._peak = 0

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measures one step."""
        self.started(name)
        since = time.monotonic()
        yield
        self._note(name, time.monotonic() - since)

    def started(self, node_id: str) -> None:
        """See :class:`StepListener`."""
        self._peak = 0

    def finished(self, step: Any) -> None:
        """See :class:`StepListener`."""
        self._note(step.node_id, step.seconds)

    def _note(self, name: str, seconds: float) -> None:
        self.steps[name] = {"seconds": round(seconds, 2), "peak_mb": round(self._peak / 1e6)}

    def watch(self) -> None:
        """Looks at this process's memory for as long as it lives."""
        process = psutil.Process()

        def look() -> None:
            while True:
                self._peak = max(self._peak, process.memory_info().rss)
                time.sleep(0.05)

        threading.Thread(target=look, daemon=True).start()


def measure(num_events: int, transform: bool, folder: Path) -> dict[str, Any]:
    """Runs the data steps on so many events, in this process.

    Args:
      num_events: Events.
      transform: Whether StatisticsGen, Transform and the steps around them run as well.
      folder: Gets the data and what the steps write.
    """
    from pipeline.canonical import prepare
    from pipeline.config.run import RunConfig
    from pipeline.runners.local import validate_locally

    write_events(folder, num_events)
    config = RunConfig.model_validate(configuration(folder))
    measurements = Measurements()
    measurements.watch()
    with measurements.step("prepare"):
        data = prepare(config)
    if transform:
        runs = folder / "runs"
        validate_locally(config, data, runs, measurements, transform=True)
    return {"events": num_events, "steps": measurements.steps}


def growth_exponent(sizes: list[int], seconds: list[float]) -> float:
    """Slope of log(seconds) over log(size), by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(seconds, 1e-3)), 1)[0])


def show(results: list[dict[str, Any]], console: Console) -> None:
    """Prints a row for each step that takes noticeable time."""
    sizes = [result["events"] for result in results]
    table = Table(box=None, header_style="bold")
    table.add_column("step")
    for size in sizes:
        table.add_column(f"{size:,} events", justify="right")
    table.add_column("exponent", justify="right")
    table.add_column("memory", justify="right")
    for step in [*results[0]["steps"], "all"]:
        rows = [_step(result, step) for result in results]
        if rows[-1]["seconds"] < 1:
            continue
        cells = [f"{row['seconds']:.1f} s {row['peak_mb']:,.0f} MB" for row in rows]
        exponent = growth_exponent(sizes, [row["seconds"] for row in rows]) if len(sizes) > 1 else math.nan
        table.add_row(step, *cells, f"{exponent:.2f}", f"x{rows[-1]['peak_mb'] / rows[0]['peak_mb']:.2f}")
    console.print(table)


def _step(result: dict[str, Any], step: str) -> dict[str, float]:
    """What was measured of a step, or of all of them together."""
    steps = result["steps"]
    if step != "all":
        return steps[step]
    return {
        "seconds": sum(s["seconds"] for s in steps.values()),
        "peak_mb": max(s["peak_mb"] for s in steps.values()),
    }


def main() -> None:
    """Parses, measures, shows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--prepare-only", action="store_true", help="leave out the steps of TFX")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)  # a size, in a process of its own
    arguments = parser.parse_args()
    console = Console()
    if arguments.one is not None:
        with tempfile.TemporaryDirectory(prefix="recstack-benchmark-") as folder:
            result = measure(arguments.one, not arguments.prepare_only, Path(folder))
        arguments.output.write_text(json.dumps(result), encoding="utf-8")
        return
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for size in arguments.sizes:
            console.print(f"{size:,} events")
            file = Path(folder, f"{size}.json")
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.data", "--one", str(size)]
            command += ["--output", str(file)]
            command += ["--prepare-only"] if arguments.prepare_only else []
            quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            subprocess.run(command, check=True, env=quiet, stdout=subprocess.DEVNULL)
            results.append(json.loads(file.read_text(encoding="utf-8")))
            show(results, console)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
