"""Calls without a pause by several threads, and how long each call took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any, Protocol


class Caller(Protocol):
    """Makes the same call again and again; each thread has one of its own."""

    def call(self) -> None:
        """Makes one call, and waits for the answer."""

    def close(self) -> None:
        """Gives back what it holds."""


def load(make_caller: Callable[[], Caller], num_threads: int, seconds: float) -> dict[str, Any]:
    """Lets threads call, each as soon as it has its answer.

    Args:
      make_caller: Makes a thread's own caller.
      num_threads: Calls at any moment.
      seconds: For how long; calls that have begun by then count.

    Returns:
      `milliseconds` of each call; `seconds` it took altogether; `cpu_seconds` that this process spent on it.

    Raises:
      RuntimeError: A call failed.
    """
    spent: list[list[float]] = [[] for _ in range(num_threads)]
    failed: list[BaseException] = []
    together = threading.Barrier(num_threads + 1)
    begun = threading.Event()
    end = [0.0]

    def work(own: list[float]) -> None:
        try:
            with closing(make_caller()) as caller:
                caller.call()  # which connects
                together.wait()
                begun.wait()
                _repeat(caller, own, end[0])
        except BaseException as error:
            failed.append(error)
            together.abort()

    threads = [threading.Thread(target=work, args=(own,)) for own in spent]
    for thread in threads:
        thread.start()
    with suppress(threading.BrokenBarrierError):  # why, `failed` says
        together.wait()
    start, cpu = time.perf_counter(), time.process_time()
    end[0] = start + seconds
    begun.set()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(f"a call failed: {failed[0]!r}") from failed[0]
    return {
        "milliseconds": [milliseconds for own in spent for milliseconds in own],
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
    }


def first_calls(caller: Caller, count: int) -> Sequence[float]:
    """The milliseconds of the first calls, one after the other."""
    spent: list[float] = []
    for _ in range(count):
        start = time.perf_counter()
        caller.call()
        spent.append((time.perf_counter() - start) * 1000)
    return spent


def _repeat(caller: Caller, spent: list[float], end: float) -> None:
    before = time.perf_counter()
    while before < end:
        caller.call()
        after = time.perf_counter()
        spent.append((after - before) * 1000)
        before = after
