"""Times the gateway in front of `recstack serve`: lists at a fixed rate, and how soon an event counts.

    python -m benchmarks.gateway --rate 50 --seconds 20

Requests leave when they are due, whether or not the ones before were answered, so that a slow answer does not
hide the wait of those behind it. Users come as a power law has it, and now and then rate the first item of
their list. Gateway, server and whoever asks share this machine, and nothing else is called. It takes the
newest pushed bundle.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import uuid
from collections import Counter
from typing import Any

import aiohttp
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.gateway_process import gateway_process
from benchmarks.gateway_setup import (
    MAX_RATE,
    MAX_SECONDS,
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

EVENTS = "/v1/events"
EVENT_SHARE = 0.2


def main() -> None:
    """Parses, measures, shows."""
    arguments = _arguments()
    bundle = pushed_bundle(arguments.config)
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = []
    with server_process("--bundle", bundle, "--variant", "exact", "--no-access-log") as server:
        for ttl in (60, 0):
            config = with_gateway(arguments.config, arguments.output, ttl)
            log = arguments.output / "gateway.log"
            with gateway_process(config, log, server.grpc) as gateway:
                found = asyncio.run(_measure(gateway.url, arguments))
            results.append({"ttl_seconds": ttl, **found})
    Console(width=120).print(table(results, arguments.rate))
    (arguments.output / "gateway.json").write_text(json.dumps(results, indent=2), encoding="utf-8")


async def _measure(url: str, arguments: argparse.Namespace) -> dict[str, Any]:
    rng = np.random.default_rng(42)
    async with calling(url) as client:
        for number in range(WARM_UP):
            await _ask(client, str(1 + number))
        fresh = [await freshness(client, str(1 + number)) for number in range(arguments.fresh)]
        lists, events, sources = await _traffic(client, rng, arguments)
    return {
        "lists": percentiles(lists),
        "events": percentiles(events),
        "sources": dict(sources),
        "event_to_list": percentiles(fresh),
    }


async def _traffic(
    client: aiohttp.ClientSession, rng: np.random.Generator, arguments: argparse.Namespace
) -> tuple[list[float], list[float], Counter[str]]:
    """Milliseconds of lists and of batches of events, from when each was due, and where lists came from."""
    number = int(arguments.rate * arguments.seconds)
    users = visitors(rng, number, arguments.users)
    acts = rng.random(number) < EVENT_SHARE
    lists: list[float] = []
    events: list[float] = []
    sources: Counter[str] = Counter()
    start = time.perf_counter() + 0.1

    async def visit(place: int) -> None:
        due = start + place / arguments.rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        user = users[place]
        answer = await _ask(client, user)
        lists.append((time.perf_counter() - due) * 1000)
        sources[answer["source"]] += 1
        if acts[place] and answer["items"]:
            since = time.perf_counter()
            await _rate_first(client, user, answer)
            events.append((time.perf_counter() - since) * 1000)

    await asyncio.gather(*(visit(place) for place in range(number)))
    return lists, events, sources


async def freshness(client: aiohttp.ClientSession, user: str) -> float:
    """Milliseconds from sending an event until a list without its item is there.

    Raises:
      RuntimeError: The next list is as if nothing had happened.
    """
    before = await _ask(client, user)
    since = time.perf_counter()
    await _rate_first(client, user, before)
    after = await _ask(client, user)
    took = (time.perf_counter() - since) * 1000
    if after["source"] != "model" or before["items"][0]["item_id"] in {i["item_id"] for i in after["items"]}:
        raise RuntimeError(f"the event did not count: {after['source']}")
    return took


async def _ask(client: aiohttp.ClientSession, user: str) -> dict[str, Any]:
    async with client.post(USER, json={"user_id": user}, raise_for_status=True) as response:
        found: dict[str, Any] = await response.json()
    return found


async def _rate_first(client: aiohttp.ClientSession, user: str, answer: dict[str, Any]) -> None:
    event = {
        "event_id": uuid.uuid4().hex,
        "kind": "rating",
        "user_id": user,
        "item_id": answer["items"][0]["item_id"],
        "request_id": answer["request_id"],
        "rank": 1,
        "value": 4,
    }
    async with client.post(EVENTS, json={"events": [event]}, raise_for_status=True):
        pass


def table(results: list[dict[str, Any]], rate: float) -> Table:
    """Percentiles, a row each."""
    shown = Table(title=f"{rate:g} lists a second; milliseconds")
    for column in ("lists kept for", "", "number", "p50", "p95", "p99", "from the cache"):
        shown.add_column(column, justify="right")
    for result in results:
        lists = sum(result["sources"].values())
        for name in ("lists", "events", "event_to_list"):
            figures = result[name]
            shown.add_row(
                f"{result['ttl_seconds']} s",
                name.replace("_", " "),
                str(figures["number"]),
                *(f"{figures[key]:.1f}" for key in ("p50", "p95", "p99")),
                f"{result['sources'].get('cache', 0) / lists:.0%}" if name == "lists" else "",
            )
    return shown


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time the gateway.")
    add_setup(parser)
    parser.add_argument("--rate", type=bounded(float, 1, MAX_RATE), default=50, help="lists a second")
    parser.add_argument("--seconds", type=bounded(float, 0.1, MAX_SECONDS), default=20)
    parser.add_argument(
        "--fresh", type=bounded(int, 1, 1000), default=50, help="events of which it is timed when they count"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
