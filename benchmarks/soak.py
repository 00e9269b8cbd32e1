"""Calls a server for a long time, swaps versions meanwhile, and says whether its memory stays flat.

    python -m benchmarks.soak --requests 200000 --bundle runs/mine/bundle --output soak.json

The server is `recstack serve` with the model `half_plus_two` of the tests and, if a bundle is given, its
three models. Four threads call it over gRPC and REST, with good and bad calls. Every 2,000 calls a new
version of `half_plus_two` appears and the one before last vanishes.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import runpy
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
from rich.console import Console
from rich.table import Table

from benchmarks.server_process import ROOT, ServerProcess, server_process
from benchmarks.soak_calls import HALF, Call, calls

_THREADS = 4
_SAMPLE = 1_000
_SWAP = 2_000
_WARM = 20_000  # calls until memory is to be flat
_FLAT = 1.05
_LEVEL = 10  # samples whose median is a level: a single one may fall into a gzip bomb of 100 MB
_BATCHING = """max_batch_size { value: 32 } batch_timeout_micros { value: 500 }
num_batch_threads { value: 2 } max_enqueued_batches { value: 1000 }
"""
_MODEL = '  config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" }}\n'


class Soak:
    """Calls a server by threads.

    Args:
      server: Which one.
      made: The calls, of which each thread draws.
      total: How many are made.
      seed: Of the draw.

    Attributes:
      counts: (interface, name of the call, status) to how often it came.
      failures: Likewise, of those that should not have come.
      resident: Resident bytes of the server, first before any call and then every 1,000.
    """

    def __init__(self, server: ServerProcess, made: list[Call], total: int, seed: int = 42):
        self._server, self._calls, self._total, self._seed = server, made, total, seed
        self._lock = threading.Lock()
        self.done = 0
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.failures: Counter[tuple[str, str, str]] = Counter()
        self.resident = [server.resident_bytes]

    def run(self) -> None:
        """Makes the calls."""
        threads = [threading.Thread(target=self._work, args=(number,)) for number in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, number: int) -> None:
        draw = random.Random(self._seed + number)
        connection = http.client.HTTPConnection(self._server.rest, timeout=60)
        with grpc.insecure_channel(self._server.grpc) as channel:
            while self._another():
                call = draw.choice(self._calls)
                try:
                    status = _over_rest(connection, call) if call.is_rest else _over_grpc(channel, call)
                except (OSError, http.client.HTTPException) as error:
                    connection.close()
                    status = type(error).__name__
                self._note(call, status)
        connection.close()

    def _another(self) -> bool:
        with self._lock:
            if self.done >= self._total:
                return False
            self.done += 1
            if self.done % _SAMPLE == 0:
                self.resident.append(self._server.resident_bytes)
            return True

    def _note(self, call: Call, status: Any) -> None:
        key = ("REST" if call.is_rest else "gRPC", call.name, str(status))
        with self._lock:
            self.counts[key] += 1
            if status not in call.answers:
                self.failures[key] += 1


def _over_grpc(channel: grpc.Channel, call: Call) -> str:
    try:
        channel.unary_unary(call.target)(call.body, timeout=call.timeout)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


def _over_rest(connection: http.client.HTTPConnection, call: Call) -> int:
    headers = {"Content-Encoding": "gzip"} if call.is_packed else {}
    connection.request("GET" if call.body is None else "POST", call.target, call.body, headers)
    response = connection.getresponse()
    response.read()
    return response.status


class Swaps:
    """Puts new versions of `half_plus_two` into its folder, and takes old ones away."""

    def __init__(self, base: Path):
        self._base, self._export = base, base.with_name("export")
        # By its path: other packages have a `tests` as well.
        model = runpy.run_path(str(ROOT / "tests" / "serving" / "server" / "half_plus_two.py"))
        model["write_half_plus_two"](self._export)
        self.newest = 0
        self.add()

    def add(self) -> None:
        """A version appears whole; only the newest two stay."""
        self.newest += 1
        staged = self._base.with_name("staged")
        shutil.copytree(self._export, staged)
        self._base.mkdir(exist_ok=True)
        staged.rename(self._base / str(self.newest))
        shutil.rmtree(self._base / str(self.newest - 2), ignore_errors=True)

    def follow(self, soak: Soak, ended: threading.Event) -> None:
        """Swaps as the calls go on."""
        while not ended.wait(0.2):
            if soak.done >= self.newest * _SWAP:
                self.add()


def measure(requests: int, bundle: Path | None, folder: Path, log: Path | None = None) -> dict[str, Any]:
    """Runs a server and the calls; returns the figures."""
    swaps = Swaps(folder / HALF)
    text = _MODEL.format(name=HALF, path=folder / HALF)
    if bundle is not None:
        models = sorted((bundle.resolve() / "models" / "exact").iterdir())
        text += "".join(_MODEL.format(name=path.name, path=path) for path in models)
    config, batching = folder / "models.config", folder / "batching.txt"
    config.write_text(f"model_config_list {{\n{text}}}\n", encoding="utf-8")
    batching.write_text(_BATCHING, encoding="utf-8")
    with (
        open(log or folder / "server.log", "w", encoding="utf-8") as file,
        server_process("--models-config", config, "--batching", batching, "--poll", 0.2, log=file) as server,
    ):
        soak, ended = Soak(server, calls(bundle is not None), requests), threading.Event()
        swapping = threading.Thread(target=swaps.follow, args=(soak, ended))
        swapping.start()
        since = time.monotonic()
        soak.run()
        seconds = time.monotonic() - since
        ended.set()
        swapping.join()
        soak.resident.append(server.resident_bytes)
    return _figures(soak, seconds, swaps.newest - 1)


def _figures(soak: Soak, seconds: float, num_swaps: int) -> dict[str, Any]:
    warm = soak.resident[min(_WARM // _SAMPLE, len(soak.resident) - 1) :]
    levels = [statistics.median(warm[:_LEVEL]), statistics.median(warm[-_LEVEL:])]
    return {
        "requests": soak.done,
        "seconds": round(seconds, 1),
        "requests_per_second": round(soak.done / seconds, 1),
        "swaps": num_swaps,
        "counts": [[*key, count] for key, count in sorted(soak.counts.items())],
        "failures": [[*key, count] for key, count in sorted(soak.failures.items())],
        "resident_mb": [round(size / 2**20, 1) for size in soak.resident],
        "levels_mb": [round(level / 2**20, 1) for level in levels],
        "peak_mb": round(max(soak.resident) / 2**20, 1),
        "growth": round(levels[1] / levels[0], 4),
    }


def show(figures: dict[str, Any], console: Console) -> None:
    """Prints the calls by interface, kind and status, and the memory."""
    table = Table(box=None, header_style="bold")
    for column in ("interface", "call", "status"):
        table.add_column(column)
    table.add_column("calls", justify="right")
    for interface, name, status, count in figures["counts"]:
        table.add_row(interface, name, status, f"{count:,}")
    console.print(table)
    console.print(
        f"{figures['requests']:,} calls in {figures['seconds']:,.0f} s, {figures['swaps']} hot swaps, "
        f"{sum(row[-1] for row in figures['failures'])} failures"
    )
    first, last = figures["levels_mb"]
    console.print(
        f"resident: {figures['resident_mb'][0]:,.0f} MB at first, {first:,.0f} MB after {_WARM:,} calls, "
        f"{last:,.0f} MB in the end (x{figures['growth']:.3f}), {figures['peak_mb']:,.0f} MB at most"
    )


def main() -> None:
    """Parses, measures, shows; ends with 1 if a call failed or memory grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--bundle", type=Path, help="folder that versions are pushed to")
    parser.add_argument("--output", type=Path, help="JSON file for the figures")
    parser.add_argument("--log", type=Path, help="file for what the server logs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="recstack-soak-") as folder:
        figures = measure(arguments.requests, arguments.bundle, Path(folder), arguments.log)
    show(figures, Console())
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    sys.exit(bool(figures["failures"]) or figures["growth"] > _FLAT)


if __name__ == "__main__":
    main()
