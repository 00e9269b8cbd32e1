"""Builds all engines over the same vectors, and measures them in turns."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.index.engines import Engine, RunningEngine, running
from benchmarks.index.vectors import Vectors
from benchmarks.peers.environments import Environments, PeerError

_LOG = logging.getLogger(__name__)


def measure_engines(
    engines: list[Engine], vectors: Vectors, folder: Path, repetitions: int, environments: Environments
) -> list[dict[str, Any]]:
    """Measures every effort of every engine.

    Each repetition asks all engines, so that what else the machine does falls on all alike; an effort's time
    is the median of its repetitions.

    Args:
      engines: Which.
      vectors: What they search.
      folder: For the vectors and the engines' logs.
      repetitions: Of each effort.
      environments: Of the peers.

    Returns:
      A point an effort: engine, settings, recall, queries a second, processor seconds by seconds, seconds to
      build; or an engine and why it has none.
    """
    vectors.write(folder)
    points: list[dict[str, Any]] = []
    with ExitStack() as stack:
        started = []
        for engine in engines:
            try:
                process = stack.enter_context(running(engine, folder, environments))
                seconds = process.ask(build={})["seconds"]
                _LOG.info("%s: built in %.0f s", engine.name, seconds)
                started.append((process, seconds))
            except PeerError as error:
                points.append({"engine": engine.name, "error": str(error)})
        runs: dict[tuple[str, int], list[dict[str, Any]]] = {}
        for _ in range(repetitions):
            for process, _seconds in started:
                for number in range(len(process.engine.efforts)):
                    run = _run(process, number, vectors)
                    runs.setdefault((process.engine.name, number), []).append(run)
    for process, seconds in started:
        for number, effort in enumerate(process.engine.efforts):
            group = runs[process.engine.name, number]
            points.append(
                {
                    "engine": process.engine.name,
                    "settings": effort,
                    "recall": round(group[0]["recall"], 4),
                    "queries_per_second": round(float(np.median([run["rate"] for run in group])), 1),
                    "processor_share": round(float(np.median([run["share"] for run in group])), 2),
                    "build_seconds": round(seconds, 1),
                }
            )
    return points


def recall(found: list[list[int]], best: np.ndarray) -> float:
    """Share of the exact best rows that were found, a mean over the queries.

    Args:
      found: Rows of each query, at most as many as wanted.
      best: [Q, K] rows.
    """
    return float(np.mean([np.isin(b, f).mean() for f, b in zip(found, best, strict=True)]))


def _run(process: RunningEngine, number: int, vectors: Vectors) -> dict[str, float]:
    engine = process.engine
    queries = min(engine.num_queries or len(vectors.queries), len(vectors.queries))
    answer = process.ask(search=engine.efforts[number], queries=queries)
    return {
        "recall": recall(answer["rows"], vectors.best[:queries]),
        "rate": queries / answer["seconds"],
        "share": answer["cpu_seconds"] / answer["seconds"],
    }
