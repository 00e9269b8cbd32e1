"""What the command line shows: one console, one style."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from pipeline.progress import PROGRESS_LOGGER, RESULT_LOGGER
from pipeline.runners.steps import Step, StepListener

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

_NAME_WIDTH = 32


def seconds_text(seconds: float) -> str:
    """A duration as people say it: `0.4 s`, `12 s`, `3 min 05 s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


@contextmanager
def native_output_to(path: Path = Path(os.devnull)) -> Iterator[Console]:
    """Sends to a file what libraries write past Python's logging, from C++ or by `print`.

    Args:
      path: The file; it is appended to. By default all of it is dropped.

    Yields:
      A console that still reaches the user.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    with path.open("ab") as log, os.fdopen(os.dup(1), "w", encoding="utf-8") as terminal:
        try:
            for descriptor in (1, 2):
                os.dup2(log.fileno(), descriptor)
            yield Console(file=terminal, highlight=False, soft_wrap=True)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for descriptor, original in zip((1, 2), kept, strict=True):
                os.dup2(original, descriptor)
                os.close(original)


class StepReporter(StepListener):
    """Shows each step of a run: its name, its time, and whether it was reused.

    A terminal shows the running step and its latest news on a line that moves; elsewhere each piece of
    news is a line of its own.

    Attributes:
      outputs: Folders of the finished steps' output artifacts, by the outputs' names.
    """

    def __init__(self, console: Console):
        """Shows nothing yet.

        Args:
          console: Where to write.
        """
        self._console = console
        self.outputs: dict[str, str] = {}
        self._node_ids: list[str] = []
        self._done = 0
        self._reused = 0
        self._running = ""
        self._since = 0.0
        self._news = ""

    def planned(self, node_ids: list[str]) -> None:
        """Before the first step."""
        self._node_ids = node_ids

    def started(self, node_id: str) -> None:
        """Before a step runs."""
        self._running, self._since, self._news = node_id, time.monotonic(), ""

    def finished(self, step: Step) -> None:
        """When a step is done."""
        self._done += 1
        self._reused += step.reused
        self.outputs.update(step.outputs)
        took = "[dim]reused[/dim]" if step.reused else seconds_text(step.seconds)
        self._console.print(f"  [green]✓[/green] {escape(step.node_id):<{_NAME_WIDTH}} {took}")
        self._running = ""

    def tell(self, news: str) -> None:
        """What a running step has to say."""
        self._news = news
        if not self._console.is_terminal:
            self._console.print(f"      {escape(news)}")

    def keep(self, result: str) -> None:
        """What a running step has to say that stays on the screen."""
        self._news = ""
        self._console.print(f"      {escape(result)}")

    @property
    def summary(self) -> str:
        """How many steps ran, and how many were answered from an earlier run."""
        ran = self._done - self._reused
        return f"{ran} of {len(self._node_ids)} steps ran, {self._reused} were reused"

    def __rich__(self) -> Text:
        """The line that moves."""
        if not self._running:
            return Text("")
        place = f"{self._done + 1}/{len(self._node_ids)}"
        elapsed = seconds_text(time.monotonic() - self._since)
        step = f"{self._running:<{_NAME_WIDTH}} {elapsed}"
        return Text.assemble(("  … ", "yellow"), step, (f"  {place}  {self._news}", "dim"))

    @contextmanager
    def live(self) -> Iterator[None]:
        """Keeps the moving line moving, and takes the news from the progress log."""
        with _told_to(self.tell, self.keep):
            if not self._console.is_terminal:
                yield
                return
            # What libraries print is not for the user, whatever Rich does by default.
            with Live(
                self, console=self._console, transient=True, redirect_stdout=False, redirect_stderr=False
            ):
                yield


@contextmanager
def news(console: Console) -> Iterator[None]:
    """Shows what the progress log says, while something takes its time outside of a run's steps."""
    logger = logging.getLogger(PROGRESS_LOGGER)
    logger.propagate = False  # or the command line's own log would show it as well
    try:
        with console.status("") as status, _told_to(lambda text: status.update(escape(text))):
            yield
    finally:
        logger.propagate = True


@contextmanager
def _told_to(tell: Callable[[str], None], keep: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hands the news of the progress log on, and its results apart if somebody takes them."""
    handler = _Teller(tell, keep or tell)
    logger = logging.getLogger(PROGRESS_LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Teller(logging.Handler):
    """Hands log records on."""

    def __init__(self, tell: Callable[[str], None], keep: Callable[[str], None]):
        super().__init__()
        self._tell, self._keep = tell, keep

    def emit(self, record: logging.LogRecord) -> None:
        """See :class:`logging.Handler`."""
        (self._keep if record.name == RESULT_LOGGER else self._tell)(record.getMessage())
