"""How much memory a piece of work takes."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

_INTERVAL_SECONDS = 0.1


class PeakMemory:
    """Samples the resident memory of this process and its children while a block runs.

    The kernel's own peak is one of the whole process, never lowered, and so says nothing of a step that
    comes after a larger one. What is held for less than a tenth of a second may be missed.

    Attributes:
      bytes: The most so far; pages that processes share count for each of them.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="peak-memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    def _sample(self) -> None:
        """Looks until the block ends."""
        while not self._ended.wait(_INTERVAL_SECONDS):
            self._look()

    def _look(self) -> None:
        """Takes down what is held now."""
        process = psutil.Process()
        held = process.memory_info().rss
        for child in process.children(recursive=True):
            try:
                held += child.memory_info().rss
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue  # it ended between being listed and being asked
        self.bytes = max(self.bytes, held)
