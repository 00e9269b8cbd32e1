"""Runs other libraries under one of our protocols, on the same split, and judges them by the same judge.

    python -m benchmarks.peers --protocol random-75 --seed 42 --peers implicit lenskit rectools
    python -m benchmarks.peers --protocol rating --peers surprise lenskit

Each peer has an environment of its own, made from `benchmarks/peers/requirements/PEER.txt`, and a script,
`benchmarks/peers/scripts/fit_PEER.py`. What cannot be installed or run is reported as such, and does not
stop the others. Every setting of a script is reported, whichever is best: its choice by the figures shown
is in the peer's favour.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.peers.environments import PEERS, SCRIPTS, Environments, PeerError, run_bounded
from benchmarks.peers.judging import judge_answers
from benchmarks.peers.split_files import RATING, write_split
from benchmarks.protocols import PROTOCOLS
from benchmarks.rating_folds import NUM_FOLDS
from pipeline.config.run import load_config

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_peer(
    peer: str, folders: list[Path], seed: int, environments: Environments, seconds: float, threads: int
) -> list[dict[str, Any]]:
    """Runs a peer on each folder of a split.

    Args:
      peer: Its name.
      folders: Of the split, one or one a fold.
      seed: Of its models.
      environments: Where it lives.
      seconds: That it may take for a folder; what it answered until then counts.
      threads: That its libraries may use.

    Returns:
      A result a model and folder, or one that says why there is none.
    """
    results = []
    try:
        python = environments.python(peer)
        for number, folder in enumerate(folders):
            answers = folder / f"{peer}.jsonl"
            answers.unlink(missing_ok=True)
            command = [python, SCRIPTS / f"fit_{peer}.py", folder, answers, "--seed", str(seed)]
            reason = None
            try:
                run_bounded(command, seconds, dict.fromkeys(_THREADS, str(threads)), folder)
            except PeerError as error:
                reason = {"peer": peer, "fold": number, "error": str(error)}
            results += [{"peer": peer, "fold": number, **line} for line in judge_answers(folder, answers)]
            results += [reason] if reason else []
    except PeerError as error:
        results.append({"peer": peer, "error": str(error)})
    return results


def summarise(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry a model and its settings: means and spreads of figures over the folds, sums of seconds."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for result in results:
        if "figures" in result:
            key = (result["peer"], result["model"], json.dumps(result["settings"]))
            groups.setdefault(key, []).append(result)
    return [
        {
            "peer": peer,
            "model": model,
            "settings": json.loads(settings),
            "version": group[0]["version"],
            "folds": len(group),
            "figures": {
                name: [float(np.mean(values)), float(np.std(values))]
                for name in group[0]["figures"]
                for values in [[result["figures"][name] for result in group]]
            },
            "seconds": round(sum(result["seconds"] for result in group), 1),
            "peak_mb": max(result["peak_mb"] or 0 for result in group),
        }
        for (peer, model, settings), group in groups.items()
    ]


def table(entries: list[dict[str, Any]], title: str) -> Table:
    """The figures as a table."""
    shown = Table(title=title, title_justify="left", box=None)
    shown.add_column("")
    names = list(entries[0]["figures"]) if entries else []
    for name in [*(name.replace("_at_", "@") for name in names), "seconds", "MB"]:
        shown.add_column(name, justify="right")
    for entry in entries:
        settings = ", ".join(f"{name}={value}" for name, value in entry["settings"].items())
        label = f"{entry['peer']} {entry['version']}: {entry['model']} {f'({settings})' if settings else ''}"
        figures = [_shown(*entry["figures"][name], entry["folds"]) for name in names]
        shown.add_row(label, *figures, f"{entry['seconds']:.1f}", str(entry["peak_mb"]))
    return shown


def _shown(mean: float, spread: float, folds: int) -> str:
    return f"{mean:.4f} ± {spread:.4f} ({folds})" if folds > 1 else f"{mean:.4f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--protocol", required=True, choices=sorted([*PROTOCOLS, RATING]))
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--config", type=Path, default=Path("configs/movielens_100k.yaml"))
    parser.add_argument("--min-users", type=int, default=1, help="of an item; others are left out")
    parser.add_argument("--folds", type=int, default=NUM_FOLDS, help="of them that are run, of `rating`")
    parser.add_argument("--output", type=Path, default=Path("runs/peers"))
    parser.add_argument("--environments", type=Path, default=Path("runs/peers/environments"))
    parser.add_argument("--no-install", action="store_true", help="make no environment")
    parser.add_argument("--seconds", type=float, default=900.0, help="that a peer may take for a fold")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


def main() -> None:
    """Runs the peers one after another."""
    arguments = _arguments()
    config = load_config(arguments.config)
    root = arguments.output.resolve() / config.name / arguments.protocol / str(arguments.seed)
    environments = Environments(arguments.environments.resolve(), install=not arguments.no_install)
    folders = write_split(config, arguments.protocol, arguments.seed, root, arguments.min_users)
    results: list[dict[str, Any]] = []
    for peer in arguments.peers:
        results += run_peer(
            peer,
            folders[: arguments.folds],
            arguments.seed,
            environments,
            arguments.seconds,
            arguments.threads,
        )
        answer = {"protocol": arguments.protocol, "seed": arguments.seed, "threads": arguments.threads}
        answer |= {"models": summarise(results), "errors": [each for each in results if "error" in each]}
        (root / "peers.json").write_text(json.dumps(answer, indent=2), encoding="utf-8")
    console = Console()
    console.print(table(summarise(results), f"{config.name}, {arguments.protocol}, seed {arguments.seed}"))
    for result in results:
        if "error" in result:
            console.print(f"{result['peer']} {result.get('model', '')}: {result['error']}", markup=False)


if __name__ == "__main__":
    main()
