"""How long the request under way has been here."""

from __future__ import annotations

import time
from contextvars import ContextVar

clock = time.monotonic
_came: ContextVar[float | None] = ContextVar("came", default=None)


def begin() -> None:
    """Notes that a request came in; what it starts knows so."""
    _came.set(clock())


def left(seconds: float) -> float:
    """What is left of so many seconds since the request came in; all, where none did."""
    came = _came.get()
    return seconds if came is None else seconds - (clock() - came)
