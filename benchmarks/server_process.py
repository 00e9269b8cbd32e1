"""`recstack serve` as a process of its own, as its users run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
READY = re.compile(r"gRPC on (\S+), REST on ([^;\s]+);")
PATIENCE = 120


@dataclass(frozen=True)
class ServerProcess:
    """A server that is ready.

    Attributes:
      process: Itself.
      grpc: Address of its gRPC.
      rest: Address of its REST, without a scheme.
    """

    process: subprocess.Popen[str]
    grpc: str
    rest: str

    @property
    def resident_bytes(self) -> int:
        """Memory that it holds."""
        return psutil.Process(self.process.pid).memory_info().rss

    def stop(self) -> int:
        """Sends SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


@contextmanager
def server_process(
    *arguments: object, log: Any = None, python: str | Path = sys.executable
) -> Iterator[ServerProcess]:
    """Yields a server on free ports; afterwards it must end well, unless it has ended already.

    Args:
      arguments: Of `recstack serve`.
      log: File for what it logs; by default nothing is kept.
      python: The interpreter; by default this one.
    """
    command = [str(python), "-m", "pipeline", "serve", "--grpc-port", "0", "--rest-port", "0"]
    with subprocess.Popen(
        [*command, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if log is None else log,
        text=True,
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "300", "TF_CPP_MIN_LOG_LEVEL": "3"},
    ) as process:
        try:
            found = READY.search(process.stdout.readline() if process.stdout else "")
            assert found, f"the server did not start: {process.poll()}"
            server = ServerProcess(process, found[1], found[2])
            yield server
            assert process.poll() is not None or server.stop() == 0
        finally:
            if process.poll() is None:
                process.kill()
