"""`recstack playground`: the models, their server, the gateway and its page, on this machine."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pipeline.config.run import RunConfig
from pipeline.console import out
from pipeline.errors import InputError
from serving.layout import versions

_PROGRAM = (sys.executable, "-m", "pipeline")
_LOGS = "playground"
_LOOK_SECONDS = 0.2
_ANSWER_SECONDS = 120  # to whether models are ready, on a machine that is busy loading them
_GRACE_SECONDS = 30


def play(config: RunConfig, config_file: Path, port: int | None) -> None:
    """Serves the page until it is told to stop by SIGTERM or SIGINT; trains first if no bundle is there.

    Args:
      config: Of the run.
      config_file: Where it stands.
      port: Of the page, 0 for a free one; `None` for the configured one.

    Raises:
      InputError: The model server or the gateway does not start, or ends.
    """
    own = ["--config", str(config_file)]
    if not versions(config.bundle_dir):
        trained = subprocess.run([*_PROGRAM, "run", *own], check=False)
        if trained.returncode != 0:
            sys.exit(trained.returncode)  # it said why
    signal.signal(signal.SIGTERM, _interrupt)
    logs = config.run_dir / _LOGS
    try:
        with ExitStack() as started:
            serve = ["serve", *own, "--grpc-port", "0", "--rest-port", "0"]
            server = started.enter_context(_Child("the model server", serve, logs / "server.log"))
            front = ["gateway", *own, "--server", server.says(r"gRPC on (\S+:\d+)")]
            front += [] if port is None else ["--port", str(port)]
            gateway = started.enter_context(_Child("the gateway", front, logs / "gateway.log"))
            _watch(gateway.says(r"(http://\S+:\d+)"), (server, gateway))
    except KeyboardInterrupt:
        out.print("stopped")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _watch(address: str, children: Sequence[_Child]) -> None:
    """Says where the page is once the models answer, and waits for the end of a process.

    Raises:
      InputError: One ended.
    """
    import httpx

    with httpx.Client(trust_env=False, timeout=_ANSWER_SECONDS) as client:
        while client.get(f"{address}/ready").status_code != httpx.codes.OK:
            _look(children)
    out.print(f"open {address}/ in a browser; Ctrl-C ends it")
    while True:
        _look(children)


def _look(children: Sequence[_Child]) -> None:
    for child in children:
        child.check()
    time.sleep(_LOOK_SECONDS)


@dataclass
class _Child:
    """A command of this program in a process of its own, which ends with the block.

    Attributes:
      name: For people.
      arguments: Of the command line.
      log: What it writes to stderr is appended to.
    """

    name: str
    arguments: Sequence[str]
    log: Path

    def __enter__(self) -> _Child:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_PROGRAM, *self.arguments], stdout=subprocess.PIPE, stderr=log, text=True
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.communicate(timeout=_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def says(self, pattern: str) -> str:
        """Waits for a line, and gives the part of it that the pattern's group matches.

        Raises:
          InputError: It ended before it said so.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(pattern, line):
                return found[1]
        self._process.wait()
        raise self._ended()

    def check(self) -> None:
        """Raises an `InputError` if it has ended."""
        if self._process.poll() is not None:
            raise self._ended()

    def _ended(self) -> InputError:
        return InputError(f"{self.name} ended, with exit code {self._process.returncode}; see {self.log}")
