"""A user's newest events, which count in their next request."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.config.gateway import SessionsConfig
from pipeline.errors import RecstackError
from schemas.event_kinds import EventKind


class SessionStoreError(RecstackError):
    """A store of sessions does not answer."""


@dataclass(frozen=True, order=True)
class SessionEvent:
    """An event of a session; they sort by time.

    Attributes:
      timestamp_ms: When it was, in milliseconds since 1970.
      event_id: Of the event; the same one counts once.
      kind: Of the event.
      item_id: What it was about.
      value: A rating or an amount.
      dwell_seconds: How long.
    """

    timestamp_ms: int
    event_id: str
    kind: EventKind
    item_id: str
    value: float | None = None
    dwell_seconds: float | None = None


@dataclass(frozen=True)
class Session:
    """What a user did lately.

    Attributes:
      revision: Another one after every event; 0 of a user without any.
      events: The oldest first.
    """

    revision: int = 0
    events: tuple[SessionEvent, ...] = ()


class SessionStore(Protocol):
    """Keeps sessions. Each call may end in a :class:`SessionStoreError`."""

    async def add(self, user: str, events: Sequence[SessionEvent]) -> None:
        """Adds events, in any order; those that are there already, by their ids, count once."""

    async def of(self, user: str) -> Session:
        """A user's session."""

    async def forget(self, user: str) -> None:
        """Removes a user's session."""

    async def close(self) -> None:
        """Ends the use."""


@dataclass
class _Kept:
    revision: int
    seen: float
    events: dict[str, SessionEvent] = field(default_factory=dict)


class MemorySessions:
    """Sessions in the memory of this process."""

    def __init__(self, config: SessionsConfig):
        """Starts without any."""
        self._config = config
        self._users: OrderedDict[str, _Kept] = OrderedDict()
        self._revisions = itertools.count(1)

    async def add(self, user: str, events: Sequence[SessionEvent]) -> None:
        """See :class:`SessionStore`."""
        kept = self._of(user) or _Kept(0, 0.0)
        merged = kept.events | {event.event_id: event for event in events}
        newest = sorted(merged.values())[-self._config.max_events :]
        kept.events = {event.event_id: event for event in newest}
        kept.revision, kept.seen = next(self._revisions), time.monotonic()
        self._users[user] = kept
        self._users.move_to_end(user)
        while len(self._users) > self._config.max_users:
            self._users.popitem(last=False)

    async def of(self, user: str) -> Session:
        """See :class:`SessionStore`."""
        kept = self._of(user)
        return Session() if kept is None else Session(kept.revision, tuple(kept.events.values()))

    async def forget(self, user: str) -> None:
        """See :class:`SessionStore`."""
        self._users.pop(user, None)

    async def close(self) -> None:
        """See :class:`SessionStore`."""

    def _of(self, user: str) -> _Kept | None:
        """What is kept, unless it is too old."""
        kept = self._users.get(user)
        if kept is not None and time.monotonic() - kept.seen > self._config.ttl_hours * 3600:
            del self._users[user]
            return None
        return kept
