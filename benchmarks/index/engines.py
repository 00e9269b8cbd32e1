"""The engines that are compared: how each is started, and the efforts with which it searches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.environments import Environments, PeerError
from serving.scann_parameters import ScannParameters

REQUIREMENTS = Path(__file__).parent / "requirements"
_SCRIPTS = Path(__file__).parent / "scripts"
_ROOT = Path(__file__).resolve().parent.parent.parent
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_LEAVES = (0.005, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.3)
_RESCORED = (50, 100, 200, 400, 800)
_FEW_QUERIES = 50  # where each takes long


@dataclass(frozen=True)
class Engine:
    """A way to search.

    Attributes:
      name: As it is shown.
      script: Of `scripts`, and what it is called with after the folder.
      environment: Of `requirements`; `None` for ours.
      efforts: Settings of a search, one a point of the curve.
      num_queries: The first so many of the queries are asked; `None` for all.
    """

    name: str
    script: tuple[str, ...]
    environment: str | None
    efforts: tuple[dict[str, Any], ...] = ({},)
    num_queries: int | None = None


EXACT, OURS, PYTHON, DEFAULT = (
    "exact, SavedModel",
    "ScaNN, SavedModel",
    "ScaNN, Python",
    "ScaNN, SavedModel, our defaults",
)
FAISS, HNSWLIB, TFRS, FLAT = (
    "faiss IVF,PQ,RFlat",
    "hnswlib M16",
    "TFRS ScaNN layer, its defaults",
    "faiss flat",
)


def engines_for(num_items: int) -> list[Engine]:
    """All engines, with the efforts that make sense for a corpus of this size."""
    scann = tuple(_scann_efforts(num_items))
    faiss = tuple(
        {"nprobe": nprobe, "k_factor": k_factor}
        for nprobe in (4, 8, 16, 32, 64, 128, 256, 512)
        for k_factor in (10, 20, 40, 80, 160)
    )
    graph = tuple({"ef": ef} for ef in (10, 20, 50, 100, 200, 400, 800, 1600))
    return [
        Engine(FLAT, ("search_faiss.py", "flat"), "faiss", num_queries=_FEW_QUERIES),
        Engine(FAISS, ("search_faiss.py", "ivf"), "faiss", faiss),
        Engine(HNSWLIB, ("search_hnswlib.py",), "hnswlib", graph),
        Engine(EXACT, ("search_saved_model.py", "exact"), None, num_queries=_FEW_QUERIES),
        Engine(OURS, ("search_saved_model.py", "scann"), None, scann),
        Engine(DEFAULT, ("search_saved_model.py", "default"), None),
        Engine(PYTHON, ("search_scann.py",), None, scann),
        Engine(TFRS, ("search_saved_model.py", "tfrs"), None),
    ]


def _scann_efforts(num_items: int) -> Iterator[dict[str, Any]]:
    num_leaves = ScannParameters.for_corpus(num_items, partitioned=True).num_leaves
    for share in _LEAVES:
        for rescored in _RESCORED:
            yield {"leaves": max(round(share * num_leaves), 1), "rescored": rescored}


class RunningEngine:
    """An engine in a process of its own; it waits while others are measured."""

    def __init__(self, engine: Engine, process: subprocess.Popen[str], log: Path):
        """Takes a started process, whose errors go to `log`."""
        self.engine, self._process, self._log = engine, process, log

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and waits for the answer.

        Raises:
          PeerError: The process ended.
        """
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace").strip()[-600:]
            raise PeerError(f"{self.engine.name} ended: {said}")
        return json.loads(line)


@contextmanager
def running(engine: Engine, folder: Path, environments: Environments) -> Iterator[RunningEngine]:
    """Starts an engine over the vectors in a folder, and ends it.

    Raises:
      PeerError: Its environment cannot be made.
    """
    python = environments.python(engine.environment) if engine.environment else Path(sys.executable)
    script, *arguments = engine.script
    log = folder / f"{Path(script).stem}-{'-'.join(arguments)}.log"
    variables = {**os.environ, **_ONE_THREAD, "TF_CPP_MIN_LOG_LEVEL": "3"}
    variables.pop("PYTHONPATH", None)
    if engine.environment is None:
        variables["PYTHONPATH"] = str(_ROOT)
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [python, "-W", "ignore", _SCRIPTS / script, folder, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=variables,
        )
    try:
        yield RunningEngine(engine, process, log)
    finally:
        process.stdin.close()
        process.terminate()
        process.wait()
