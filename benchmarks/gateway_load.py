"""Asks the gateway for more and more lists a second, until it answers too late: what becomes of them then?

    python -m benchmarks.gateway_load --rates 25 50 100 200 400 --seconds 5

Requests leave when they are due, whether or not the ones before were answered. Lists that the models do not
make in time are to be the popular one, and not an error. Gateway, server and whoever asks share this machine,
and nothing else is called. It takes the newest pushed bundle. Lists are made anew each time, unless `--keep`
says for how long they may be given again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.gateway_process import gateway_process
from benchmarks.gateway_setup import (
    MAX_RATE,
    USER,
    WARM_UP,
    add_setup,
    bounded,
    calling,
    percentiles,
    pushed_bundle,
    visitors,
    with_gateway,
)
from benchmarks.server_process import server_process
from pipeline.config.run import load_config

NO_ANSWER = "none"
SOURCES = ("model", "cache", "popular")
MAX_STEPS = 20


@dataclass
class Step:
    """What became of requests at one rate.

    Attributes:
      rate: Requests a second that were made.
      milliseconds: From when each was due to its answer, whatever it was.
      late: By how many milliseconds each left later than it was due: where that is much, whoever asks is too
        slow, not who answers.
      statuses: Of the answers, `none` for no answer; to how many.
      sources: Of the lists; to how many.
      seconds: From the first request to the last answer.
    """

    rate: float
    milliseconds: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def figures(self) -> dict[str, Any]:
        """As they are shown and written down; `answered` is lists a second."""
        return {
            "rate": self.rate,
            "answered": self.statuses["200"] / self.seconds,
            **percentiles(self.milliseconds),
            "sources": dict(self.sources),
            "statuses": dict(self.statuses),
            "seconds": self.seconds,
            "late_p99": percentiles(self.late)["p99"],
        }


async def climb(
    url: str, rates: Sequence[float], seconds: float, users: int, deadline_ms: float
) -> list[Step]:
    """Takes one step after the other; the last one is the first whose 99th percentile passes the deadline.

    Args:
      url: Of the gateway.
      rates: Lists a second, of each step.
      seconds: How long requests are made in each.
      users: Ids 1 to that.
      deadline_ms: In milliseconds.
    """
    rng = np.random.default_rng(42)
    steps: list[Step] = []
    async with calling(url) as client:
        for user in visitors(rng, WARM_UP, users):
            await _ask(client, user, Step(0))
        for rate in rates:
            steps.append(await _step(client, rate, visitors(rng, max(1, int(rate * seconds)), users)))
            if steps[-1].figures()["p99"] > deadline_ms:
                break
    return steps


async def _step(client: aiohttp.ClientSession, rate: float, users: Sequence[str]) -> Step:
    step = Step(rate)
    start = time.perf_counter() + 0.1

    async def visit(place: int) -> None:
        due = start + place / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        step.late.append((time.perf_counter() - due) * 1000)
        await _ask(client, users[place], step)
        step.milliseconds.append((time.perf_counter() - due) * 1000)

    await asyncio.gather(*map(visit, range(len(users))))
    step.seconds = time.perf_counter() - start
    return step


async def _ask(client: aiohttp.ClientSession, user: str, step: Step) -> None:
    """Asks for a list, and notes what came."""
    try:
        async with client.post(USER, json={"user_id": user}) as response:
            status, answer = str(response.status), await response.json()
    except (aiohttp.ClientError, asyncio.TimeoutError):
        step.statuses[NO_ANSWER] += 1
        return
    step.statuses[status] += 1
    if status == "200":
        step.sources[answer["source"]] += 1


def table(figures: Sequence[dict[str, Any]], deadline_ms: float) -> Table:
    """A row a step."""
    shown = Table(
        title=f"lists a second, milliseconds, number of lists and answers; deadline {deadline_ms:g} ms"
    )
    for column in ("asked", "answered", "p50", "p95", "p99", *SOURCES, "statuses", "left late by"):
        shown.add_column(column, justify="right")
    for row in figures:
        shown.add_row(
            f"{row['rate']:g}",
            *(f"{row[name]:.1f}" for name in ("answered", "p50", "p95", "p99")),
            *(str(row["sources"].get(name, 0)) for name in SOURCES),
            ", ".join(f"{status}: {number}" for status, number in sorted(row["statuses"].items())),
            f"{row['late_p99']:.1f}",
        )
    return shown


def main() -> None:
    """Parses, measures, shows."""
    arguments = parser().parse_args()
    bundle = pushed_bundle(arguments.config)
    folder = arguments.output / "load"
    folder.mkdir(parents=True, exist_ok=True)
    config = with_gateway(arguments.config, folder, arguments.keep, arguments.limit)
    deadline_ms = load_config(config).gateway.deadline_ms
    with (
        server_process("--bundle", bundle, "--variant", "exact", "--no-access-log") as server,
        gateway_process(config, folder / "gateway.log", server.grpc) as gateway,
    ):
        steps = asyncio.run(
            climb(gateway.url, arguments.rates, arguments.seconds, arguments.users, deadline_ms)
        )
    figures = [step.figures() for step in steps]
    Console(width=140).print(table(figures, deadline_ms))
    (arguments.output / "gateway_load.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")


def parser() -> argparse.ArgumentParser:
    """Its options; the address is not one of them."""
    made = argparse.ArgumentParser(description="Ask the gateway for more and more.")
    add_setup(made)
    made.add_argument(
        "--rates",
        type=bounded(float, 1, MAX_RATE),
        nargs="+",
        action=_Few,
        default=[25, 50, 100, 200, 400],
        help="lists a second, a step each",
    )
    made.add_argument("--seconds", type=bounded(float, 0.1, 60), default=5, help="of a step")
    made.add_argument(
        "--keep", type=bounded(float, 0, 3600), default=0, help="seconds that lists are kept for"
    )
    made.add_argument(
        "--limit", type=bounded(float, 0.1, 1e6), default=1e6, help="requests a second of a caller"
    )
    return made


class _Few(argparse.Action):
    """Takes as many rates as steps may be."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        if len(values) > MAX_STEPS:
            parser.error(f"--rates: at most {MAX_STEPS}, not {len(values)}")
        setattr(namespace, self.dest, values)


if __name__ == "__main__":
    main()
