"""Runs a pipeline again and again, each time killed in the middle of another step, until one run ends well.

Arguments: the configuration, and a file that gets a JSON line for each finished step: number of the run,
step, whether it was reused. TFX is imported once; each run is a fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pipeline

# isort: split
import pipeline.graph
import pipeline.runners.observed_dag_runner  # noqa: F401
from pipeline.canonical import prepare
from pipeline.config.run import load_config
from pipeline.runners.local import run_locally
from pipeline.runners.steps import StepListener

_MOST_RUNS = 60


class Killer(StepListener):
    """Kills its process once a step has written something, or else when it ends."""

    def __init__(self, run: int, artifacts: Path, record: Path):
        """Takes the number of the run, which is that of the step to be killed in."""
        self._run, self._artifacts, self._record = run, artifacts, record
        self._place = -1

    def started(self, node_id: str) -> None:
        """Before a step runs."""
        self._place += 1
        if self._place == self._run:
            folder = self._artifacts / node_id
            before = set(folder.rglob("*"))
            threading.Thread(target=self._wait, args=(folder, before), daemon=True).start()

    def _wait(self, folder: Path, before: set[Path]) -> None:
        while not any(path.is_file() for path in set(folder.rglob("*")) - before):
            time.sleep(0.002)
        _kill()

    def finished(self, step) -> None:
        """When a step is done."""
        with self._record.open("a") as file:
            file.write(json.dumps([self._run, step.node_id, step.reused]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if self._place == self._run:
            _kill()


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    config, record = load_config(Path(sys.argv[1])), Path(sys.argv[2])
    for run in range(_MOST_RUNS):
        child = os.fork()
        if not child:
            run_locally(config, prepare(config), Killer(run, config.run_dir / "artifacts", record))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            continue
        sys.exit(os.waitstatus_to_exitcode(status))
    sys.exit("no run ended")


if __name__ == "__main__":
    main()
