"""Times trainings: examples a second, ours beside the two-tower tutorial of TensorFlow Recommenders.

    python -m benchmarks.training --batch-sizes 32 128 512

All loops are in one process and run by turns, a pass each; the first pass of each prepares what is prepared
once, and is not counted. Medians are shown. Then our training runs on one worker and on two, a processor
each, so that what a second one brings is not hidden by the first having used both.

A positive is a next event that is learnt. The tutorial reads one with each example; ours reads a window, a
history, and learns the next event at each of its moments. Data and model are those of the configuration.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
from benchmarks.rating import transform
from benchmarks.training_loops import (
    DEFAULT,
    NO_METRICS,
    PLAIN,
    TUTORIAL,
    Loop,
    ids_alone,
    ours,
    training_pairs,
    tutorial,
)
from pipeline.canonical import prepare
from pipeline.config.run import RunConfig, load_config
from pipeline.nodes.models import retrieval_settings
from schemas.features import ITEM_ID, USER_ID, Stream
from trainer.settings import RetrievalSettings
from trainer.streams import TransformedStream

Streams = tuple[TransformedStream, TransformedStream]


def main() -> None:
    """Parses, measures, shows."""
    arguments = _arguments()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        streams, settings = prepared(load_config(arguments.config), Path(folder))
        results = compare(
            streams, settings, arguments.batch_sizes, arguments.tutorial_batch_sizes, arguments.passes
        )
        console.print(table(results))
        workers = scaling(streams, settings, arguments.batch_sizes, arguments.passes)
        console.print(workers_table(workers))
    arguments.output.mkdir(parents=True, exist_ok=True)
    figures = {"loops": results, "workers": workers}
    (arguments.output / "training.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")


def prepared(config: RunConfig, folder: Path) -> tuple[Streams, RetrievalSettings]:
    """The data of a configuration, made ready for training, and the settings of its retrieval model."""
    config = config.model_copy(update={"output": folder})
    data = prepare(config)
    streams = transform(config, data, folder / "data")
    settings = retrieval_settings(config, data)
    return (streams[Stream.INTERACTIONS], streams[Stream.ITEMS]), settings


def with_batch_size(settings: RetrievalSettings, batch_size: int, **changes: Any) -> RetrievalSettings:
    """Settings of a training that is timed."""
    retrieval = settings.retrieval.model_copy(update={"batch_size": batch_size, **changes})
    return settings.model_copy(update={"retrieval": retrieval})


def compare(
    streams: Streams, settings: RetrievalSettings, batch_sizes: list[int], pairs_sizes: list[int], passes: int
) -> list[dict[str, Any]]:
    """Times all loops by turns, and gives what each did in its median pass.

    Args:
      streams: Interactions and items.
      settings: Of our model.
      batch_sizes: Windows a step, of ours.
      pairs_sizes: Positives a step, of the tutorial's.
      passes: That are counted.
    """
    pairs = training_pairs(*streams)
    ids = [np.unique(pairs[name]) for name in (USER_ID, ITEM_ID)]
    plain = settings.model_copy(update={"retrieval": ids_alone(settings.retrieval)})
    loops: dict[tuple[str, int], Loop] = {}
    for size in pairs_sizes:
        loops[TUTORIAL, size] = tutorial(ids, pairs, size, metrics=True)
        loops[NO_METRICS, size] = tutorial(ids, pairs, size, metrics=False)
    for size in batch_sizes:
        loops[PLAIN, size] = ours(streams, with_batch_size(plain, size))
        loops[DEFAULT, size] = ours(streams, with_batch_size(settings, size))
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {key: [] for key in loops}
    for turn in range(passes + 1):
        for key, loop in loops.items():
            timed = loop.timed()
            if turn:
                taken[key].append(timed)
    return [rates(*key, loop.positives, loop.windows, taken[key]) for key, loop in loops.items()]


def rates(
    name: str, batch_size: int, positives: int, windows: int, taken: list[tuple[float, float]]
) -> dict[str, Any]:
    """Figures of the median pass, from seconds by the clock and of processors."""
    seconds, used = np.median(np.array(taken), axis=0).tolist()
    return {
        "loop": name,
        "batch_size": batch_size,
        "positives": positives,
        "windows": windows,
        "taken": taken,
        "positives_per_second": positives / seconds,
        "windows_per_second": windows / seconds,
        "positives_per_processor_second": positives / used,
    }


def scaling(
    streams: Streams, settings: RetrievalSettings, batch_sizes: list[int], passes: int
) -> list[dict[str, Any]]:
    """Our training on one worker and on two, a processor each."""
    found = []
    for batch_size in batch_sizes:
        for number in (1, 2):
            told = _workers(streams, with_batch_size(settings, batch_size), passes, number)
            # Each step is as long as its slowest worker's; each worker counts its own share.
            positives, windows = (sum(one[key] for one in told) for key in ("positives", "windows"))
            slowest = np.max([one["seconds"] for one in told], axis=0)
            used = np.sum([one["processor_seconds"] for one in told], axis=0)
            taken = list(zip(slowest.tolist(), used.tolist(), strict=True))
            found.append({"workers": number, **rates(DEFAULT, batch_size, positives, windows, taken)})
    return found


def _workers(streams: Streams, settings: RetrievalSettings, passes: int, number: int) -> list[dict[str, Any]]:
    """What workers tell."""
    kind = "one_device" if number == 1 else "multi_worker"
    training = settings.training.model_copy(update={"distribution": kind})
    settings = settings.model_copy(update={"training": training})
    folders = json.dumps([{"examples": stream.examples, "graph": stream.graph} for stream in streams])
    addresses, processes = _addresses(number), []
    processors = sorted(os.sched_getaffinity(0))
    for index in range(number):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.training_worker"]
        own = [folders, settings.model_dump_json(), str(passes), str(processors[index % len(processors)])]
        processes.append(
            subprocess.Popen(
                [*command, *own],
                env={**os.environ, "TF_CONFIG": json.dumps(cluster), "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    outputs = [process.communicate() for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError("a worker failed:\n" + "\n".join(errors[-2000:] for _, errors in outputs))
    return [json.loads(output.strip().splitlines()[-1]) for output, _ in outputs]


def _addresses(number: int) -> list[str]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def table(results: list[dict[str, Any]]) -> Table:
    """Loops by batch size, and how they stand to the tutorial."""
    shown = Table(title="one process; a second")
    columns = ("loop", "batch", "positives", "windows", "to the best tutorial", "positives a processor")
    for column in columns:
        shown.add_column(column, justify="left" if column == "loop" else "right")
    best = max(result["positives_per_second"] for result in results if result["loop"] == TUTORIAL)
    for result in results:
        ratio = result["positives_per_second"] / best
        shown.add_row(
            result["loop"],
            str(result["batch_size"]),
            f"{result['positives_per_second']:,.0f}",
            f"{result['windows_per_second']:,.0f}",
            f"{ratio:.2f}",
            f"{result['positives_per_processor_second']:,.0f}",
        )
    return shown


def workers_table(results: list[dict[str, Any]]) -> Table:
    """Workers by batch size."""
    shown = Table(title=f"{DEFAULT}, workers with a processor each; a second")
    for column in ("batch", "workers", "positives", "windows", "positives a processor"):
        shown.add_column(column, justify="right")
    for result in results:
        shown.add_row(
            str(result["batch_size"]),
            str(result["workers"]),
            f"{result['positives_per_second']:,.0f}",
            f"{result['windows_per_second']:,.0f}",
            f"{result['positives_per_processor_second']:,.0f}",
        )
    return shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time trainings.")
    parser.add_argument("--config", type=Path, default=Path("configs/movielens_100k.yaml"))
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[32, 128, 512], help="windows a step")
    parser.add_argument(
        "--tutorial-batch-sizes", type=int, nargs="+", default=[128, 1024, 8192], help="positives a step"
    )
    parser.add_argument("--passes", type=int, default=5, help="that are counted")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks"), help="gets training.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
