"""Puts requests of different callers into batches, so that a model runs once for many."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.config.serving import BatchingConfig
from serving.server.batch import Feeds, batch_size, merged, split
from serving.server.status import Code, ServingError

Run = Callable[[Feeds, Sequence[str]], list[np.ndarray]]
_MICRO = 1e-6


@dataclass
class _Task:
    """A request that waits for its answer."""

    feeds: Feeds
    size: int
    deadline: float | None
    due: float
    answer: Future[list[np.ndarray]] = field(default_factory=Future)


class _Queue:
    """Requests that may share a batch."""

    def __init__(self, run: Run, fetches: Sequence[str]):
        self.run = run
        self.fetches = fetches
        self.tasks: deque[_Task] = deque()
        self.rows = 0


class BatchScheduler:
    """Threads that run batches, of all models of a server.

    A batch holds requests for the same outputs of one version, with inputs of the same types and inner
    shapes, or ranks if lists are padded. It runs when it is full, or when its first request has waited for
    `batch_timeout_micros`. If a batch fails, each of its requests is run by itself.

    Args:
      parameters: How to do it.
    """

    def __init__(self, parameters: BatchingConfig):
        self._parameters = parameters
        self._queues: dict[Any, _Queue] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._work, name=f"batch-{number}", daemon=True)
            for number in range(parameters.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the threads, once what waits has been run."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def run(self, run: Run, feeds: Feeds, fetches: Sequence[str], deadline: float | None) -> list[np.ndarray]:
        """Runs a request in a batch with others.

        One that has no batch dimension, or more rows than a batch, is run by itself.

        Args:
          run: Runs a batch; requests share one only if this is the same bound method.
          feeds: Name of a tensor to its value.
          fetches: Names of tensors.
          deadline: Of `time.monotonic()`.

        Raises:
          ServingError: UNAVAILABLE: too much waits; DEADLINE_EXCEEDED; or what the model refuses.
        """
        size = batch_size(feeds)
        if not size or size > self._parameters.max_batch_size:
            return run(feeds, fetches)
        task = self._enqueue(run, feeds, fetches, size, deadline)
        try:
            return task.answer.result(None if deadline is None else max(deadline - time.monotonic(), 0))
        except FutureTimeoutError:
            task.answer.cancel()
            raise ServingError(Code.DEADLINE_EXCEEDED, "Deadline exceeded") from None

    def _enqueue(
        self, run: Run, feeds: Feeds, fetches: Sequence[str], size: int, deadline: float | None
    ) -> _Task:
        padded = self._parameters.pad_variable_length_inputs
        shapes = tuple(
            (name, array.dtype, array.ndim if padded else array.shape[1:]) for name, array in feeds.items()
        )
        task = _Task(feeds, size, deadline, time.monotonic() + self._parameters.batch_timeout_micros * _MICRO)
        with self._changed:
            queue = self._queues.setdefault((run, tuple(fetches), shapes), _Queue(run, fetches))
            limit = self._parameters.max_enqueued_batches
            if queue.rows + size > limit * self._parameters.max_batch_size:
                message = (
                    "The batch scheduling queue to which this task was submitted is full; currently has "
                    f"{len(queue.tasks)} tasks enqueued and max_enqueued_batches is {limit}"
                )
                raise ServingError(Code.UNAVAILABLE, message)
            queue.tasks.append(task)
            queue.rows += size
            self._changed.notify()
        return task

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            _answer(*batch, self._parameters.allowed_batch_sizes)

    def _next(self) -> tuple[_Queue, list[_Task]] | None:
        """Waits for a batch that may run; `None` once everything has been run and no more comes."""
        with self._changed:
            while True:
                key = min(self._queues, key=self._due, default=None)
                if key is None:
                    if self._stopped:
                        return None
                    self._changed.wait()
                    continue
                wait = self._due(key) - time.monotonic()
                if wait <= 0 or self._stopped:
                    return self._take(key)
                self._changed.wait(wait)

    def _due(self, key: Any) -> float:
        queue = self._queues[key]
        # A full batch goes before one that is merely due.
        return -1.0 if queue.rows >= self._parameters.max_batch_size else queue.tasks[0].due

    def _take(self, key: Any) -> tuple[_Queue, list[_Task]]:
        queue = self._queues[key]
        tasks: list[_Task] = []
        rows = 0
        while queue.tasks and rows + queue.tasks[0].size <= self._parameters.max_batch_size:
            tasks.append(queue.tasks.popleft())
            rows += tasks[-1].size
        queue.rows -= rows
        if not queue.tasks:
            del self._queues[key]  # of a version that may soon be gone
        else:
            self._changed.notify()
        return queue, tasks


def _answer(queue: _Queue, tasks: Sequence[_Task], allowed_sizes: Sequence[int]) -> None:
    """Runs a batch and hands out the answers."""
    now = time.monotonic()
    waiting = [
        task
        for task in tasks
        if (task.deadline is None or task.deadline > now) and task.answer.set_running_or_notify_cancel()
    ]
    if not waiting:
        return
    try:
        feeds = merged([task.feeds for task in waiting], allowed_sizes)
        outputs = queue.run(feeds, queue.fetches)
        answers = split(outputs, [task.size for task in waiting], batch_size(feeds) or 0)
    except Exception:  # one of them may be to blame: each is to have its own answer
        for task in waiting:
            _answer_alone(queue, task)
    else:
        for task, answer in zip(waiting, answers, strict=True):
            task.answer.set_result(answer)


def _answer_alone(queue: _Queue, task: _Task) -> None:
    try:
        task.answer.set_result(queue.run(task.feeds, queue.fetches))
    except Exception as error:  # whatever it is, its caller gets it
        task.answer.set_exception(error)
