"""Times the judging of lists in a synthetic world, and says how much memory it takes.

    python -m benchmarks.evaluation --users 100000 --items 100000 --dim 16

Users and items are random vectors. Every user makes one request, with a history that leans to popular
items; the target is the best of some random items by inner product. The whole corpus is ranked for each
request, what was seen left out, by the code that judges bundles: blocks, best rows, metrics, slices, bounds.
Models are not in it: they take their own time and memory. A table is printed, and JSON written.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from rich.console import Console
from rich.table import Table

import pipeline  # noqa: F401  (sets the Keras switch before TensorFlow is imported)
from pipeline.config.evaluation import EvaluationConfig
from serving.evaluation_record import ALL, OVERALL
from serving.judged_interactions import score_blocks
from serving.list_evaluation.best_rows import BestRows
from serving.list_evaluation.figures import FiguresBySlice, JudgedRequests, list_figures
from serving.list_evaluation.item_traits import ItemTraits
from serving.list_evaluation.listers import LIST_LENGTH, collect_lists
from serving.list_evaluation.requests import RequestBlock
from serving.list_evaluation.slices import by_activity, by_codes, popularity_thirds

FACTORS = "factors"
_MEAN_HISTORY = 20
_TRIED = 50  # items of which a user goes for the best


@dataclass(frozen=True)
class World:
    """Who asks what.

    Attributes:
      users: [U, D] float32.
      items: [N, D] float32.
      seen: [U, N] bool histories.
      targets: [U] rows that are not in the histories.
    """

    users: np.ndarray
    items: np.ndarray
    seen: sp.csr_matrix
    targets: np.ndarray


@dataclass
class Stopwatch:
    """Seconds of each part of the work.

    Attributes:
      seconds: By name.
    """

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Times a block."""
        since = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - since, 2)


def make_world(num_users: int, num_items: int, dim: int, seed: int) -> World:
    """Draws users, items, histories and targets."""
    rng = np.random.default_rng(seed)
    users, items = (rng.standard_normal((n, dim), np.float32) for n in (num_users, num_items))
    lengths = rng.poisson(_MEAN_HISTORY, num_users)
    lengths[::10] = 0  # nothing is known of one user in ten
    # 1 / rank, by inversion of its logarithmic distribution function.
    columns = np.exp(rng.random(lengths.sum()) * np.log(num_items)).astype(np.int64) - 1
    rows = np.repeat(np.arange(num_users), lengths)
    seen = sp.csr_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(num_users, num_items))
    tried = rng.integers(0, num_items, (num_users, _TRIED))
    liking = np.einsum("ud,utd->ut", users, items[tried])
    had = np.asarray(seen[np.arange(num_users)[:, np.newaxis], tried].todense())
    targets = np.take_along_axis(tried, np.where(had, -np.inf, liking).argmax(axis=1)[:, np.newaxis], 1)[:, 0]
    return World(users, items, seen, targets)


def judge_world(world: World, samples: int, seed: int, watch: Stopwatch) -> FiguresBySlice:
    """Lists for all users, and their figures."""
    num_users, num_items = world.seen.shape
    best = BestRows(num_items, num_users, LIST_LENGTH, seed)

    def lister(block: RequestBlock) -> np.ndarray:
        return best(world.users[block.places] @ world.items.T, block.places, block.seen)

    blocks = (
        RequestBlock(places, world.seen[places], np.zeros(0, object))
        for places in score_blocks(np.arange(num_users), num_items)
    )
    with watch.part("lists"):
        lists = collect_lists({FACTORS: lister}, blocks)
    with watch.part("slices"):
        traits = ItemTraits.of(np.asarray(world.seen.sum(axis=0)).ravel(), world.items)
        activity = world.seen.getnnz(axis=1)
        thirds = popularity_thirds(traits.counts)[world.targets]
        slices = {
            "user_activity": by_activity(activity, EvaluationConfig().activity_edges),
            "item_popularity": by_codes(thirds, ("unseen", "tail", "middle", "head")),
        }
        profiles = traits.profile_information(world.seen)
    with watch.part("metrics and bounds"):
        requests = JudgedRequests(world.targets, np.arange(num_users), profiles, slices)
        return list_figures(lists, requests, traits, samples, seed)[FACTORS]


def measure(num_users: int, num_items: int, dim: int, samples: int, seed: int) -> dict[str, Any]:
    """Figures, seconds, and the largest resident set of the process."""
    watch = Stopwatch()
    with watch.part("world"):
        world = make_world(num_users, num_items, dim, seed)
    figures = judge_world(world, samples, seed, watch)
    return {
        "users": num_users,
        "items": num_items,
        "dim": dim,
        "bootstrap_samples": samples,
        "seconds": watch.seconds,
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "figures": {
            feature: {value: slice_.model_dump() for value, slice_ in values.items()}
            for feature, values in figures.items()
        },
    }


def table(result: dict[str, Any]) -> Table:
    """What was measured, as a table."""
    title = f"{result['users']:,} users, {result['items']:,} items, {result['dim']} dimensions"
    shown = Table(title=title, title_justify="left", box=None)
    shown.add_column("")
    shown.add_column("", justify="right")
    for name, seconds in result["seconds"].items():
        shown.add_row(name, f"{seconds:.1f} s")
    shown.add_row("peak memory", f"{result['peak_mb']:,} MB")
    for metric, figure in result["figures"][OVERALL][ALL]["metrics"].items():
        bounds = "" if figure["low"] is None else f" ({figure['low']:.4f} to {figure['high']:.4f})"
        shown.add_row(metric, f"{figure['value']:.4f}{bounds}")
    return shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=16)
    parser.add_argument("--samples", type=int, default=1000, help="draws of users for the bounds")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--output", type=Path, default=Path("runs/evaluation.json"))
    return parser.parse_args()


def main() -> None:
    """Measures one world."""
    arguments = _arguments()
    result = measure(arguments.users, arguments.items, arguments.dim, arguments.samples, arguments.seed)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2), encoding="utf-8")
    Console().print(table(result))


if __name__ == "__main__":
    main()
