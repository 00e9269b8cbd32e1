"""An environment for each peer: they disagree with each other, and with us, on NumPy."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"
SCRIPTS = Path(__file__).parent / "scripts"
PEERS = tuple(sorted(path.stem for path in REQUIREMENTS.glob("*.txt")))
_ROOT = Path(__file__).resolve().parent.parent.parent
_STAMP = "requirements.sha256"
_SHOWN = 600  # characters of what a program said


class PeerError(Exception):
    """A peer cannot be installed, does not run, or answers nonsense; the message says why."""


@dataclass(frozen=True)
class Environments:
    """Makes environments, and finds those that are there.

    Attributes:
      folder: One sub-folder a peer.
      install: Whether what is not there, or made of other requirements, is made.
      seconds: That making one may take.
      requirements: Folder of the pinned and hashed requirements, `PEER.txt`.
    """

    folder: Path
    install: bool = True
    seconds: float = 900.0
    requirements: Path = REQUIREMENTS

    def python(self, peer: str) -> Path:
        """The interpreter of a peer's environment.

        Raises:
          PeerError: It is not there and must not be made, or making it failed.
        """
        required = self.requirements / f"{peer}.txt"
        if not required.is_file():
            raise PeerError(f"no peer is called '{peer}'; there are {', '.join(PEERS)}")
        digest = hashlib.sha256(required.read_bytes()).hexdigest()
        environment = self.folder / peer
        stamp, python = environment / _STAMP, environment / "bin" / "python"
        if python.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
            return python
        if not self.install:
            raise PeerError(f"{environment} is no environment of {required.name}; run without --no-install")
        self._make(environment, required)
        stamp.write_text(digest, encoding="utf-8")
        return python

    def _make(self, environment: Path, required: Path) -> None:
        """Makes an environment of this interpreter's version."""
        uv = find_uv()
        shutil.rmtree(environment, ignore_errors=True)
        environment.parent.mkdir(parents=True, exist_ok=True)
        run_bounded([uv, "venv", "--quiet", "--python", sys.executable, environment], self.seconds)
        python = environment / "bin" / "python"
        sync = [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", required]
        run_bounded(sync, self.seconds)


def find_uv() -> str:
    """That of the clone, or of the path.

    Raises:
      PeerError: There is none.
    """
    own = _ROOT / ".tools" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise PeerError("no uv was found to make environments with; run `make setup`, or put it on PATH")
    return found


def run_bounded(
    command: list[str | Path],
    seconds: float,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Runs a program.

    Args:
      command: What.
      seconds: After which it is ended.
      environment: Variables on top of our own.
      folder: Where it runs, and may leave logs; by default here.

    Raises:
      PeerError: It failed, with the end of what it said, or took too long.
    """
    variables = {**os.environ, "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", **(environment or {})}
    variables.pop("PYTHONPATH", None)  # nothing of ours in a peer's environment
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, env=variables, cwd=folder
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"{Path(command[0]).name} took more than {seconds:g} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-_SHOWN:]
        raise PeerError(f"{Path(command[0]).name} ended with {done.returncode}: {said}")
