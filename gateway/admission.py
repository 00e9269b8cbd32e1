"""How many questions the models are asked at the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from serving.client import DeadlineError

_START = 32.0
_LEAST = 2.0
_CUT = 0.5

Answer = TypeVar("Answer")


class NoRoomError(Exception):
    """A question was not asked: as many are under way as are answered in time."""


class Admission:
    """Lets as many questions through as are answered in time.

    The limit is halved when an answer is late, at most once in the time that an answer may take, and rises by
    one in about as many answers as it allows: what TCP does (Jacobson 1988). Without it, models that are
    asked for more than they can do would do all of it too late.

    Args:
      seconds: That an answer may take.
      clock: Of the seconds.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic):
        self._seconds = seconds
        self._clock = clock
        self._limit = _START
        self._cut_at = float("-inf")
        self._under_way = 0

    @property
    def limit(self) -> int:
        """Questions that may be under way."""
        return int(self._limit)

    async def ask(self, question: Callable[[], Awaitable[Answer]], seconds: float) -> Answer:
        """Asks, if there is room.

        Args:
          question: Asks.
          seconds: Until the answer is given up; none may be left.

        Raises:
          NoRoomError: It was not asked.
          asyncio.TimeoutError: It was not answered in time; a :class:`DeadlineError` says the same.
        """
        if seconds <= 0 or self._under_way >= self.limit:
            raise NoRoomError
        self._under_way += 1
        try:
            answer = await asyncio.wait_for(question(), seconds)
        except (asyncio.TimeoutError, DeadlineError):  # ours or the connection's, whichever is first
            self._shrink()
            raise
        else:
            self._grow()
            return answer
        finally:
            self._under_way -= 1

    def _grow(self) -> None:
        """After an answer in time; where half of the room is free, it says nothing of more."""
        if 2 * self._under_way >= self.limit:
            self._limit += 1 / self._limit

    def _shrink(self) -> None:
        """After one that was late; those that were late together count once."""
        now = self._clock()
        if now - self._cut_at >= self._seconds:
            self._limit, self._cut_at = max(_LEAST, self._limit * _CUT), now
