"""Sessions that several gateways share, in Redis."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import RedisError

from gateway.sessions import Session, SessionEvent, SessionStoreError
from pipeline.config.gateway import SessionsConfig

_PREFIX = "recstack:session:"
_REVISION_BITS = 62


class RedisSessions:
    """A sorted set of events a user, by time, and beside it the revision, which each change draws anew.

    So none comes again after a session was forgotten, of which other gateways may hold lists. Both expire
    together. Nothing is kept under a user's raw id where the data have pseudonyms.
    """

    def __init__(self, config: SessionsConfig):
        """Connects at the first use."""
        self._config = config
        self._redis: Redis = Redis.from_url(config.redis_url or "", socket_timeout=1.0)

    async def add(self, user: str, events: Sequence[SessionEvent]) -> None:
        """See :class:`gateway.sessions.SessionStore`."""
        if not events:
            return
        name, revision = _names(user)
        seconds = int(self._config.ttl_hours * 3600)
        with _told():
            async with self._redis.pipeline(transaction=True) as changes:
                changes.zadd(name, {json.dumps(astuple(event)): event.timestamp_ms for event in events})
                changes.zremrangebyrank(name, 0, -self._config.max_events - 1)
                changes.expire(name, seconds)
                changes.set(revision, secrets.randbits(_REVISION_BITS), ex=seconds)
                await changes.execute()

    async def of(self, user: str) -> Session:
        """See :class:`gateway.sessions.SessionStore`."""
        name, revision = _names(user)
        with _told():
            async with self._redis.pipeline(transaction=True) as looks:
                looks.get(revision)
                looks.zrange(name, 0, -1)
                number, texts = await looks.execute()
        # An event that was sent again without a time of its own is there with each time at which it came.
        events = {event.event_id: event for event in (SessionEvent(*json.loads(text)) for text in texts)}
        return Session(int(number or 0), tuple(sorted(events.values())))

    async def forget(self, user: str) -> None:
        """See :class:`gateway.sessions.SessionStore`."""
        with _told():
            await self._redis.delete(*_names(user))

    async def close(self) -> None:
        """See :class:`gateway.sessions.SessionStore`."""
        await self._redis.aclose()


def _names(user: str) -> tuple[str, str]:
    """Keys of the events and of the revision; the braces keep both on one node of a cluster.

    An id is quoted, so that braces of its own do not part the two.
    """
    name = f"{_PREFIX}{{{quote(user, safe='')}}}"
    return name, f"{name}:revision"


@contextmanager
def _told() -> Iterator[None]:
    """Turns Redis' errors into ours; what they say may hold what was kept."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise SessionStoreError(f"Redis does not answer: {type(error).__name__}") from error
