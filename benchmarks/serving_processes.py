"""The processes of the benchmark: servers as users start them, and workers that call."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_ROOT = Path(__file__).resolve().parent.parent
_READY = re.compile(r"ready in .*gRPC on .*?:(\d+), REST on .*?:(\d+)")
_MEGABYTE = 2**20
_QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(_ROOT), "PYTHONWARNINGS": "ignore"}


@dataclass(frozen=True)
class RunningServer:
    """A server that takes calls.

    Attributes:
      process: Its process.
      grpc_port: Where gRPC listens.
      rest_port: Where REST listens.
      ready_seconds: From the start of the process until it said that it is ready.
      ready_cpu_seconds: Of the processor, until then.
    """

    process: psutil.Popen
    grpc_port: int
    rest_port: int
    ready_seconds: float
    ready_cpu_seconds: float

    def resident_megabytes(self) -> float:
        """What it has in memory."""
        return float(self.process.memory_info().rss) / _MEGABYTE

    def cpu_seconds(self) -> float:
        """Of the processor, until now."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def running_server(log: Path, *options: str | Path) -> Iterator[RunningServer]:
    """Starts `recstack serve` on free ports, and stops it.

    Args:
      log: For its log.
      *options: Of the command.

    Raises:
      RuntimeError: It ended before it was ready.
    """
    command = [sys.executable, "-m", "pipeline", "serve", "--grpc-port", "0", "--rest-port", "0", *options]
    start = time.monotonic()
    with log.open("w", encoding="utf-8") as errors:
        environment = {**_QUIET, "COLUMNS": "1000"}  # so that what it says stays on one line
        process = psutil.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=_ROOT
        )
    try:
        ports = _READY.search(process.stdout.readline())
        if ports is None:
            raise RuntimeError(f"the server is not ready: {log.read_text(encoding='utf-8')[-600:]}")
        seconds, times = time.monotonic() - start, process.cpu_times()
        yield RunningServer(process, int(ports[1]), int(ports[2]), seconds, times.user + times.system)
    finally:
        process.terminate()
        process.wait()


class Worker:
    """A process of `benchmarks.serving_worker`."""

    def __init__(self, process: subprocess.Popen[str], log: Path):
        """Takes a started process, whose errors go to `log`."""
        self._process, self._log = process, log

    def ask(self, **task: Any) -> dict[str, Any]:
        """Lets it call, and waits for what it measured.

        Raises:
          RuntimeError: It ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a worker ended: {self._log.read_text(encoding='utf-8')[-600:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def running_worker(log: Path) -> Iterator[Worker]:
    """Starts a worker, and ends it."""
    command = [sys.executable, "-m", "benchmarks.serving_worker"]
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=_QUIET,
            cwd=_ROOT,
        )
    try:
        yield Worker(process, log)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
