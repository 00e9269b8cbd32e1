"""Measures `recstack serve` against the loaded SavedModel in process: latency, calls a second, start, memory.

    python -m benchmarks.serving --bundle runs/movielens_100k/bundle

Servers run in processes of their own, as users start them; the callers in another one, with requests made
beforehand and answers not unpacked; the SavedModel in a third, where inputs are tensors already and outputs
stay tensors. `half_plus_two` does next to nothing and shows what a call costs by itself. All ways take turns
at each load, several times, so that what else the machine does falls on all alike; figures are medians of the
repetitions.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.serving_callers import GRPC, HALF_PLUS_TWO, IN_PROCESS, REST
from benchmarks.serving_processes import RunningServer, Worker, running_server, running_worker
from benchmarks.serving_summary import median, reached, start_table, summary, table
from serving.client.question import RECOMMENDER
from serving.layout import EXACT, model_dir, models_dir, serving_dir, version_dir, versions

THREADS = (1, 8, 32)
ROWS = (1, 32)
BATCHED = "gRPC, batching"
_WARM_CALLS = 20


def main() -> None:
    """Parses, measures, shows."""
    arguments = _arguments()
    console = Console(width=140)
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="recstack-serving-") as folder:
        starts = _starts(arguments, Path(folder))
        console.print(start_table(starts))
        cells = _calls(arguments, Path(folder))
    for model in (RECOMMENDER, HALF_PLUS_TWO):
        console.print(table(model, cells))
    verdicts = reached(cells, starts)
    for said, (value, is_reached) in verdicts.items():
        console.print(f"{said}: {value} ({'reached' if is_reached else 'not reached'})")
    loads = [round(load_before, 1), round(os.getloadavg()[0], 1)]
    console.print(f"processors {os.cpu_count()}, load before and after {loads}")
    result = {"processors": os.cpu_count(), "load": loads, "starts": starts, "cells": cells}
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "serving.json").write_text(json.dumps(result, indent=2), encoding="utf-8")


def _starts(arguments: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """What it costs to start: the bundle, and its recommender with and without warm-up requests."""
    bundle, version = arguments.bundle, versions(arguments.bundle)[-1]
    cold = folder / "cold" / RECOMMENDER
    source = model_dir(version_dir(bundle, version), EXACT, RECOMMENDER)
    shutil.copytree(source, cold / str(version), ignore=shutil.ignore_patterns("assets.extra"))
    warm = models_dir(bundle, EXACT) / RECOMMENDER
    options: dict[str, list[str | Path]] = {
        "bundle": ["--bundle", bundle, "--variant", EXACT],
        "recommender": ["--base-path", warm, "--model-name", RECOMMENDER],
        "recommender without warm-up": ["--base-path", cold, "--model-name", RECOMMENDER],
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in options}
    with running_worker(folder / "starts.log") as worker:
        for _ in range(arguments.starts):
            for name, given in options.items():
                with running_server(folder / "start.log", *given) as server:
                    found[name].append(_start(server, worker, arguments.users))
    return [{"served": name, **median(runs)} for name, runs in found.items()]


def _start(server: RunningServer, worker: Worker, user_ids: list[str]) -> dict[str, float]:
    first = worker.ask(
        kind=GRPC, model=RECOMMENDER, where=server.grpc_port, rows=1, user_ids=user_ids, first=_WARM_CALLS
    )["milliseconds"]
    return {
        "ready_seconds": server.ready_seconds,
        "ready_cpu_seconds": server.ready_cpu_seconds,
        "first_call_ms": first[0],
        "later_call_ms": float(np.median(first[1:])),
        "resident_megabytes": server.resident_megabytes(),
    }


def _calls(arguments: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Every way at every load."""
    half_plus_two = folder / HALF_PLUS_TWO
    _write_half_plus_two(half_plus_two / "1")
    bundle = arguments.bundle
    recommender = model_dir(version_dir(bundle, versions(bundle)[-1]), EXACT, RECOMMENDER)
    batching = ["--batching", serving_dir(bundle) / "batching_parameters.txt"]
    served: dict[str, tuple[Path, list[str | Path]]] = {
        RECOMMENDER: (recommender, ["--bundle", bundle, "--variant", EXACT]),
        HALF_PLUS_TWO: (half_plus_two / "1", ["--base-path", half_plus_two, "--model-name", HALF_PLUS_TWO]),
    }
    cells = []
    for model, (saved_model, options) in served.items():
        with ExitStack() as stack:
            plain = stack.enter_context(running_server(folder / f"{model}.log", *options))
            batched = stack.enter_context(
                running_server(folder / f"{model}-batching.log", *options, *batching)
            )
            worker, own = (
                stack.enter_context(running_worker(folder / f"{model}-{name}.log"))
                for name in ("callers", "in-process")
            )
            ways = {
                IN_PROCESS: (own, None, IN_PROCESS, str(saved_model)),
                GRPC: (worker, plain, GRPC, plain.grpc_port),
                BATCHED: (worker, batched, GRPC, batched.grpc_port),
                REST: (worker, plain, REST, plain.rest_port),
            }
            for rows in arguments.rows:
                for threads in arguments.threads:
                    cells += _cell(ways, model, rows, threads, arguments)
    return cells


def _cell(
    ways: dict[str, Any], model: str, rows: int, threads: int, arguments: argparse.Namespace
) -> list[dict[str, Any]]:
    """All ways at one load, in turns; the first round prepares what is prepared once, and is not counted."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    for repetition in range(arguments.repetitions + 1):
        seconds = arguments.seconds if repetition else min(arguments.seconds, 1)
        for name, (worker, server, kind, where) in ways.items():
            before = server.cpu_seconds() if server else 0.0
            run = worker.ask(
                kind=kind,
                model=model,
                where=where,
                rows=rows,
                user_ids=arguments.users,
                threads=threads,
                seconds=seconds,
            )
            if repetition:
                spent = server.cpu_seconds() - before if server else 0.0
                runs[name].append(summary(run, spent))
    return [
        {"model": model, "rows": rows, "threads": threads, "way": name, **median(measured)}
        for name, measured in runs.items()
    ]


def _write_half_plus_two(folder: Path) -> None:
    from tests.serving.server.half_plus_two import write_half_plus_two

    write_half_plus_two(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bundle", type=Path, default=Path("runs/movielens_100k/bundle"))
    parser.add_argument("--users", nargs="+", default=[str(number) for number in range(1, 944)])
    parser.add_argument("--threads", type=int, nargs="+", default=list(THREADS))
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--seconds", type=float, default=3.0, help="of each way at each load, a repetition")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--starts", type=int, default=3, help="how often servers are started")
    parser.add_argument("--output", type=Path, default=Path("runs/serving"))
    arguments = parser.parse_args()
    arguments.bundle = arguments.bundle.resolve()
    return arguments


if __name__ == "__main__":
    main()
