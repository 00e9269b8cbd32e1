"""Measures recall@10 against queries a second, one thread, one query at a time.

    python -m benchmarks.index --sizes 100000 1000000 --run runs/movielens_100k

Our ScaNN index from Python and as a SavedModel stands beside exact search, faiss, hnswlib and the defaults
of TensorFlow Recommenders' layer, on vectors of three kinds: in clusters, in loose clusters, and the
trained item embeddings of a run, resampled to the size, with the embeddings of its requests. What was
measured is kept in the output folder and not measured again, so that a run can be interrupted.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.index.engines import REQUIREMENTS, engines_for
from benchmarks.index.measurement import measure_engines
from benchmarks.index.plot import draw
from benchmarks.index.summary import RECALLS, ratios, reached, table
from benchmarks.index.trained_vectors import read_trained
from benchmarks.index.vectors import KINDS, Trained, make_vectors
from benchmarks.peers.environments import Environments

_LOG = logging.getLogger(__name__)


def main() -> None:
    """Parses, measures, shows."""
    arguments = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    console = Console(width=160)
    trained = read_trained(arguments.run, arguments.seed) if "trained" in arguments.kinds else None
    if trained is None and "trained" in arguments.kinds:
        console.print(f"{arguments.run} has no trained embeddings: the vectors of that kind are left out")
        arguments.kinds.remove("trained")
    results = []
    for size in arguments.sizes:
        for kind in arguments.kinds:
            result = _measured(kind, size, trained, arguments)
            results.append(result)
            console.print(table(kind, size, result["points"]))
            for point in result["points"]:
                if "error" in point:
                    console.print(f"  {point['engine']}: {point['error']}")
            console.print(", ".join(f"{name}: {told}" for name, told in result["reached"].items()))
    (arguments.output / "index.json").write_text(json.dumps(results, indent=2), encoding="utf-8")
    if results:
        draw(results, arguments.output / "index.png")


def _measured(kind: str, size: int, trained: Trained | None, arguments: argparse.Namespace) -> dict[str, Any]:
    """What stands in the output folder, or is measured now."""
    kept = arguments.output / f"{kind}-{size}.json"
    if kept.is_file() and not arguments.again:
        return json.loads(kept.read_text(encoding="utf-8"))
    _LOG.info("%s vectors, %s", f"{size:,}", kind)
    vectors = make_vectors(kind, size, arguments.queries, arguments.seed, trained)
    engines = [e for e in engines_for(size) if not arguments.ours_only or e.environment is None]
    environments = Environments(arguments.environments, not arguments.no_install, requirements=REQUIREMENTS)
    with tempfile.TemporaryDirectory(prefix="recstack-index-") as folder:
        points = measure_engines(engines, vectors, Path(folder), arguments.repetitions, environments)
    result = {
        "kind": kind,
        "size": size,
        "queries": len(vectors.queries),
        "repetitions": arguments.repetitions,
        "load": round(os.getloadavg()[0], 1),
        "points": points,
        "ratios": {str(recall): ratios(points, recall) for recall in RECALLS},
        "reached": reached(points),
    }
    arguments.output.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(result, indent=2), encoding="utf-8")
    return result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--run", type=Path, default=Path("runs/movielens_100k"), help="whose embeddings")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--output", type=Path, default=Path("runs/index"))
    parser.add_argument("--environments", type=Path, default=Path("runs/index/environments"))
    parser.add_argument("--no-install", action="store_true", help="make no environment")
    parser.add_argument("--ours-only", action="store_true", help="leave out the other libraries")
    parser.add_argument("--again", action="store_true", help="measure what was measured before")
    return parser.parse_args()


if __name__ == "__main__":
    main()
