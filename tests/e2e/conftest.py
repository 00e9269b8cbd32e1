"""One real run on a small world, shared by all end-to-end tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.checkerboard import write_checkerboard, write_config


@dataclass(frozen=True)
class World:
    """The files of the small world, and what the first run said.

    Attributes:
      folder: Holds the data, the configurations and the runs.
      first_run: The finished process.
    """

    folder: Path
    first_run: subprocess.CompletedProcess[str]

    @property
    def run_dir(self) -> Path:
        return self.folder / "runs" / "checkerboard"

    @property
    def bundle(self) -> Path:
        return self.run_dir / "bundle"

    @property
    def artifacts(self) -> Path:
        return self.run_dir / "artifacts"

    def run(self, changes: dict | None = None) -> tuple[subprocess.CompletedProcess[str], float]:
        """Runs the pipeline with changes to the configuration; also the seconds that it took."""
        config = write_config(self.folder, changes, name="changed.yaml")
        since = time.monotonic()
        return recstack("run", "--config", config), time.monotonic() - since


def recstack(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Calls the command line as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "120"},
        check=False,
    )


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> World:
    folder = tmp_path_factory.mktemp("world")
    write_checkerboard(folder)
    first_run = recstack("run", "--config", write_config(folder))
    assert first_run.returncode == 0, first_run.stdout + first_run.stderr + _log(folder)
    return World(folder, first_run)


def _log(folder: Path) -> str:
    log = folder / "runs" / "checkerboard" / "run.log"
    return log.read_text()[-5000:] if log.is_file() else ""


def step_lines(stdout: str) -> dict[str, str]:
    """What a run said of each step: `reused`, or its time."""
    lines = [line.split() for line in stdout.splitlines() if line.startswith("  ✓ ")]
    return {words[1]: " ".join(words[2:]) for words in lines}
