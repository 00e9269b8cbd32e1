"""What was measured, in figures and tables, and whether what was aimed at was reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.table import Table

from benchmarks.serving_callers import GRPC, IN_PROCESS
from serving.client.question import RECOMMENDER

_PERCENTILES = (50, 95, 99)
_LATENCY, _THROUGHPUT, _READY = 1.5, 0.8, 15.0


def summary(run: dict[str, Any], server_cpu_seconds: float) -> dict[str, float]:
    """Figures of one run.

    Args:
      run: What :func:`benchmarks.serving_load.load` found.
      server_cpu_seconds: That the server spent on it.
    """
    calls = len(run["milliseconds"])
    percentiles = np.percentile(run["milliseconds"], _PERCENTILES)
    return {
        **{f"p{p}_ms": float(value) for p, value in zip(_PERCENTILES, percentiles, strict=True)},
        "calls_per_second": calls / run["seconds"],
        "caller_cpu_ms": run["cpu_seconds"] / calls * 1000,
        "server_cpu_ms": server_cpu_seconds / calls * 1000,
    }


def median(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of each figure."""
    return {name: round(float(np.median([run[name] for run in runs])), 3) for name in runs[0]}


def reached(cells: list[dict[str, Any]], starts: list[dict[str, Any]]) -> dict[str, tuple[float, bool]]:
    """What was aimed at, its value, and whether that is enough.

    Args:
      cells: Of all ways and loads.
      starts: Of the bundle, first.
    """
    verdicts: dict[str, tuple[float, bool]] = {}
    for rows in sorted({cell["rows"] for cell in cells}):
        by_load = dict(_recommender(cells, rows))
        if 1 in by_load:
            ways = by_load[1]
            ratio = round(ways[GRPC]["p50_ms"] / ways[IN_PROCESS]["p50_ms"], 2)
            verdicts[f"gRPC p50 by in process, {rows} rows, 1 thread"] = ratio, ratio <= _LATENCY
        if max(by_load) > 1:
            ways = by_load[max(by_load)]
            own = ways[IN_PROCESS]["calls_per_second"]
            for way in [name for name in ways if name.startswith(GRPC)]:
                ratio = round(ways[way]["calls_per_second"] / own, 2)
                said = f"{way}, calls a second by in process, {rows} rows, {max(by_load)} threads"
                verdicts[said] = ratio, ratio >= _THROUGHPUT
    seconds = round(starts[0]["ready_seconds"], 1)
    verdicts["seconds until the bundle is ready"] = seconds, seconds < _READY
    return verdicts


def table(model: str, cells: list[dict[str, Any]]) -> Table:
    """Of a model: a line for each load and way."""
    shown = _table(model, ("rows", "threads"), ("way",))
    for heading in (*(f"p{p} ms" for p in _PERCENTILES), "calls/s", "caller's cpu ms", "server's cpu ms"):
        shown.add_column(heading, justify="right")
    for cell in cells:
        if cell["model"] == model:
            shown.add_row(
                str(cell["rows"]),
                str(cell["threads"]),
                cell["way"],
                *(f"{cell[f'p{p}_ms']:.2f}" for p in _PERCENTILES),
                f"{cell['calls_per_second']:,.0f}",
                f"{cell['caller_cpu_ms']:.2f}",
                f"{cell['server_cpu_ms']:.2f}",
            )
    return shown


def start_table(starts: list[dict[str, Any]]) -> Table:
    """What was started, and what it cost."""
    figures = [name for name in starts[0] if name != "served"]
    shown = _table("start", (), ("served",))
    for name in figures:
        shown.add_column(name.replace("_", " "), justify="right")
    for start in starts:
        shown.add_row(start["served"], *(f"{start[name]:.1f}" for name in figures))
    return shown


def _recommender(cells: list[dict[str, Any]], rows: int) -> Iterator[tuple[int, dict[str, dict[str, Any]]]]:
    """Number of threads, and the cells of each way."""
    mine = [cell for cell in cells if cell["model"] == RECOMMENDER and cell["rows"] == rows]
    for threads in sorted({cell["threads"] for cell in mine}):
        yield threads, {cell["way"]: cell for cell in mine if cell["threads"] == threads}


def _table(title: str, numbers: tuple[str, ...], words: tuple[str, ...]) -> Table:
    shown = Table(title=title, title_justify="left", box=None, header_style="bold")
    for heading in numbers:
        shown.add_column(heading, justify="right")
    for heading in words:
        shown.add_column(heading)
    return shown
