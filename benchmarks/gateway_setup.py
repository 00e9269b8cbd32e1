"""What the benchmarks of the gateway share: their settings, which are bounded, and who comes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import aiohttp
import numpy as np
import yaml

from pipeline.config.run import load_config
from serving.layout import versions

USER = "/v1/recommendations/user"
WARM_UP = 20  # lists before anything is timed
MAX_RATE = 2000.0
MAX_SECONDS = 300.0
SECONDS_TO_ANSWER = 30
_POWER = 1.1
_UNLIMITED = 1e6

Number = TypeVar("Number", int, float)


def bounded(kind: Callable[[str], Number], low: float, high: float) -> Callable[[str], Number]:
    """Reads a number that an option may have; others are refused, so that no load is without an end."""

    def read(text: str) -> Number:
        number = kind(text)
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"must be from {low:g} to {high:g}, and is {text}")
        return number

    return read


def add_setup(parser: argparse.ArgumentParser) -> None:
    """Adds the options that all of them take."""
    parser.add_argument("--config", type=Path, default=Path("configs/movielens_100k.yaml"))
    parser.add_argument("--users", type=bounded(int, 1, 10_000_000), default=943, help="ids 1 to that")
    parser.add_argument("--output", type=Path, default=Path("runs/benchmarks"))


def pushed_bundle(config: Path) -> Path:
    """The bundle of a run; the program ends where it has none."""
    bundle = load_config(config).bundle_dir
    if not versions(bundle):
        sys.exit(f"no bundle stands in {bundle}; make one with `recstack run --config {config}`")
    return bundle


def with_gateway(path: Path, folder: Path, ttl: float, requests_per_second: float = _UNLIMITED) -> Path:
    """A configuration whose gateway is of this machine alone, and logs elsewhere; where it was written.

    Args:
      path: Of a run.
      folder: For the file and all that the gateway writes.
      ttl: Seconds for which it keeps lists.
      requests_per_second: Of a caller; by default none is refused for that.
    """
    changed = json.loads(load_config(path).model_dump_json(exclude_unset=True))
    limits = {"requests_per_second": requests_per_second}
    changed["gateway"] = {"host": "127.0.0.1", "cache": {"ttl_seconds": ttl}, "limits": limits}
    changed["output"] = str(folder.resolve() / f"ttl{ttl:g}")
    target = folder / f"gateway_ttl{ttl:g}.yaml"
    target.write_text(yaml.safe_dump(changed), encoding="utf-8")
    return target


def calling(url: str) -> aiohttp.ClientSession:
    """What asks the gateway, on as many connections as it takes; it costs less than httpx does."""
    patience = aiohttp.ClientTimeout(total=SECONDS_TO_ANSWER)
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0), timeout=patience)


def visitors(rng: np.random.Generator, number: int, users: int) -> list[str]:
    """Ids of those who come, one after the other: few come often, as a power law has it."""
    ranks = np.minimum(rng.zipf(_POWER, number), users)
    return [str(user) for user in rng.permutation(users)[ranks - 1] + 1]


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """How many there are, and the 50th, 95th and 99th percentile."""
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99]).tolist()
    return {"number": len(milliseconds), "p50": p50, "p95": p95, "p99": p99}
