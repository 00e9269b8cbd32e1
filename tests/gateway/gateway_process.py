"""`recstack gateway` as a process of its own, as its users run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY = re.compile(r"gateway: (http://\S+), models of")
PATIENCE = 120


@dataclass(frozen=True)
class GatewayProcess:
    """A gateway that takes requests.

    Attributes:
      process: Itself.
      url: Its address.
      log: What it logs.
    """

    process: subprocess.Popen[str]
    url: str
    log: Path


@contextmanager
def gateway_process(config: Path, log: Path, server: str = "127.0.0.1:9") -> Iterator[GatewayProcess]:
    """Yields a gateway on a free port; afterwards it must end well, unless it has ended already.

    Args:
      config: YAML file of a run.
      log: Gets what it logs.
      server: gRPC address of a model server; by default there is none.
    """
    command = [sys.executable, "-m", "pipeline", "gateway", "--config", str(config)]
    with (
        log.open("a") as errors,
        subprocess.Popen(
            [*command, "--server", server, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "COLUMNS": "300"},
        ) as process,
    ):
        try:
            found = READY.search(process.stdout.readline() if process.stdout else "")
            assert found, f"the gateway did not start: {process.poll()}\n{log.read_text()[-2000:]}"
            yield GatewayProcess(process, found[1], log)
            if process.poll() is None:
                process.terminate()
                assert process.wait(PATIENCE) == 0
        finally:
            if process.poll() is None:
                process.kill()
