"""What every engine's script does: it builds, and then searches with the settings that it is told.

It imports nothing of ours, and the standard library and NumPy alone. A script is started with the folder of
the vectors; it answers each JSON line of its input with one. `{"build": {}}` builds; `{"search": {...},
"queries": N}` searches the first N queries one at a time, on one core.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

K = 10
_WARM_UP = 20


class Engine(Protocol):
    """One way to search."""

    def build(self, candidates: np.ndarray, threads: int) -> None:
        """Builds the index over [N, dim] candidates, by so many threads."""

    def prepare(self, queries: np.ndarray, settings: dict[str, Any]) -> Any:
        """Sets the effort; gives a function of a query's number to its rows, best first, by one thread."""


def serve(engine: Engine) -> None:
    """Obeys until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    folder = Path(sys.argv[1])
    candidates = np.load(folder / "candidates.npy")
    queries = np.load(folder / "queries.npy")
    for line in sys.stdin:
        asked = json.loads(line)
        if "build" in asked:
            since = time.perf_counter()
            engine.build(candidates, len(os.sched_getaffinity(0)))
            _answer(answers, {"seconds": time.perf_counter() - since})
            _pin()
        else:
            _answer(answers, _search(engine, queries[: asked["queries"]], asked["search"]))


def augmented(vectors: np.ndarray, largest: float | None) -> np.ndarray:
    """Vectors among which the nearest is that of the largest inner product; such an index builds better.

    Candidates get what their squared length lacks to the largest as the root in one more dimension, and a
    zero, as some engines want an even number of them; queries get zeros and length one. Vectors of one
    length stay as they are (Bachrach et al. 2014).

    Args:
      vectors: [N, dim] float32.
      largest: The largest squared length, of candidates; `None` for queries of augmented candidates.
    """
    if largest is None:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.pad(unit, ((0, 0), (0, 1 + (vectors.shape[1] + 1) % 2)))
    lacking = np.sqrt(np.maximum(largest - (vectors**2).sum(1, keepdims=True), 0))
    return np.pad(np.concatenate([vectors, lacking], 1), ((0, 0), (0, (vectors.shape[1] + 1) % 2)))


def largest_square(candidates: np.ndarray) -> float | None:
    """The largest squared length; `None` if all are alike."""
    squares = (candidates**2).sum(1)
    return None if squares.max() - squares.min() < 1e-3 else float(squares.max())


def _search(engine: Engine, queries: np.ndarray, settings: dict[str, Any]) -> dict[str, Any]:
    search = engine.prepare(queries, settings)
    for number in range(min(_WARM_UP, len(queries))):
        search(number)
    cpu, since = time.process_time(), time.perf_counter()
    rows = [search(number) for number in range(len(queries))]
    seconds, cpu = time.perf_counter() - since, time.process_time() - cpu
    return {"seconds": seconds, "cpu_seconds": cpu, "rows": [np.asarray(row).tolist() for row in rows]}


def _pin() -> None:
    """Leaves one core to all of this program's threads."""
    core = {min(os.sched_getaffinity(0))}
    for task in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(task), core)


def _answer(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
