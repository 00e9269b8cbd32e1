"""One thread that writes: all that waits while it writes goes into the next write together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from gateway.events.event_log import EventLogError

Work = TypeVar("Work")
Result = TypeVar("Result")


class GroupCommit(Generic[Work, Result]):
    """Hands works to a function in groups, so that many callers share one costly commit."""

    def __init__(
        self,
        write: Callable[[Sequence[Work]], Sequence[Result]],
        max_group: int = 1000,
        max_waiting: int = 20_000,
    ):
        """Starts the thread.

        Args:
          write: Writes a group, whole or not at all, and gives a result for each work. It is called by the
            thread alone.
          max_group: Works that are written together at most.
          max_waiting: Works that may wait; more are refused.
        """
        self._write = write
        self._max_group = max_group
        self._waiting: queue.Queue[tuple[Work, Future[Result]] | None] = queue.Queue(max_waiting)
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> Future[Result]:
        """Queues a work; the result is there once it is written. Cancelled before that, it is left out.

        Raises:
          EventLogError: Too much waits already, or this is closed.
        """
        future: Future[Result] = Future()
        with self._lock:
            if self._closed:
                raise EventLogError("the event log is closed")
            try:
                self._waiting.put_nowait((work, future))
            except queue.Full:
                raise EventLogError(
                    f"{self._waiting.maxsize:,} writes wait already, more than the disk keeps up with; "
                    "send again later"
                ) from None
        return future

    def close(self) -> None:
        """Writes what waits, and ends the thread."""
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_ = True
        while open_:
            taken = [self._waiting.get()]
            while taken[-1] is not None and len(taken) < self._max_group and not self._waiting.empty():
                taken.append(self._waiting.get_nowait())
            open_ = taken[-1] is not None
            group = [
                entry for entry in taken if entry is not None and entry[1].set_running_or_notify_cancel()
            ]
            if group:
                self._finish(group)

    def _finish(self, group: list[tuple[Work, Future[Result]]]) -> None:
        """Writes a group, and tells those who wait."""
        try:
            results = self._write([work for work, _ in group])
        except Exception as error:  # the callers', whatever it is
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
