"""Sessions that several gateways share, in Redis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple

from redis.asyncio import Redis

from gateway.sessions import Session, SessionEvent
from pipeline.config.gateway import SessionsConfig

_PREFIX = "recstack:session:"


class RedisSessions:
    """A sorted set of events a user, by time, and beside it a count that grows with every change.

    Both expire together. Nothing is kept under a user's raw id where the data have pseudonyms.
    """

    def __init__(self, config: SessionsConfig):
        """Connects at the first use."""
        self._config = config
        self._redis: Redis = Redis.from_url(config.redis_url or "", socket_timeout=1.0)

    async def add(self, user: str, events: Sequence[SessionEvent]) -> None:
        """See :class:`gateway.sessions.SessionStore`."""
        if not events:
            return
        name, count = _names(user)
        seconds = int(self._config.ttl_hours * 3600)
        async with self._redis.pipeline(transaction=True) as changes:
            changes.zadd(name, {json.dumps(astuple(event)): event.timestamp_ms for event in events})
            changes.zremrangebyrank(name, 0, -self._config.max_events - 1)
            changes.incr(count)
            changes.expire(name, seconds)
            changes.expire(count, seconds)
            await changes.execute()

    async def of(self, user: str) -> Session:
        """See :class:`gateway.sessions.SessionStore`."""
        name, count = _names(user)
        async with self._redis.pipeline(transaction=True) as looks:
            looks.get(count)
            looks.zrange(name, 0, -1)
            revision, events = await looks.execute()
        return Session(int(revision or 0), tuple(SessionEvent(*json.loads(event)) for event in events))

    async def forget(self, user: str) -> None:
        """See :class:`gateway.sessions.SessionStore`."""
        await self._redis.delete(*_names(user))

    async def close(self) -> None:
        """See :class:`gateway.sessions.SessionStore`."""
        await self._redis.aclose()


def _names(user: str) -> tuple[str, str]:
    """Keys of the events and of the count; the braces keep both on one node of a cluster."""
    return f"{_PREFIX}{{{user}}}", f"{_PREFIX}{{{user}}}:revision"
