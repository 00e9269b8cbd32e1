"""The log in Kafka, against the mock cluster of librdkafka, which speaks the protocol on real sockets."""

import asyncio
import socket
import time

import pytest
from confluent_kafka import Consumer, Producer

from gateway.events.event import Event
from gateway.events.event_log import Appended, EventLogError, UnsupportedByLogError
from gateway.events.kafka_log import KafkaEventLog
from gateway.events.served_list import ServedList
from tests.gateway.events.samples import event, served
from tests.gateway.hostile import STRANGE

SECONDS = 120


@pytest.fixture(scope="module")
def servers():
    """Three brokers, which live as long as the producer that made them."""
    cluster = Producer({"test.mock.num.brokers": 3, "log_level": 0})
    brokers = cluster.list_topics(timeout=SECONDS).brokers.values()
    yield ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    del cluster


def _with_log(servers, work, **options):
    async def main():
        log = KafkaEventLog(servers, timeout=SECONDS, **options)
        try:
            return await work(log)
        finally:
            await log.close()

    return asyncio.run(main())


def _read(servers, topic, count):
    """Keys and texts of a topic's first messages."""
    settings = {"group.id": topic, "auto.offset.reset": "earliest", "log_level": 0}
    consumer = Consumer({"bootstrap.servers": servers, **settings})
    consumer.subscribe([topic])
    found, end = [], time.monotonic() + SECONDS
    while len(found) < count and time.monotonic() < end:
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            found.append((message.key().decode(), message.value().decode()))
    consumer.close()
    return found


def test_what_was_acknowledged_can_be_read(servers):
    events = [event(f"e{number}", user=f"u{number % 3}", value=1.5) for number in range(50)]

    async def work(log):
        answers = await asyncio.gather(log.append(events[:20]), *(log.append([one]) for one in events[20:]))
        await log.append_served(served())
        return answers

    assert _with_log(servers, work) == [Appended(20, 0), *[Appended(1, 0)] * 30]
    read = _read(servers, "recstack.events", len(events))
    assert {key for key, _ in read} == {"u0", "u1", "u2"}
    told = [Event.model_validate_json(text) for _, text in read]
    assert sorted(told, key=lambda one: int(one.event_id[1:])) == events
    for user in ("u0", "u1", "u2"):  # the first call's, in its order
        first = [one for one in told if one.user == user and int(one.event_id[1:]) < 20]
        assert first == [one for one in events[:20] if one.user == user]
    ((key, text),) = _read(servers, "recstack.served", 1)
    assert (key, ServedList.model_validate_json(text)) == ("ann", served())


def test_an_event_that_is_there_twice_in_a_call_is_sent_once(servers):
    topics = {"events_topic": "twice"}
    assert _with_log(servers, lambda log: log.append([event(), event()]), **topics) == Appended(1, 1)
    assert _with_log(servers, lambda log: log.append([]), **topics) == Appended(0, 0)
    assert len(_read(servers, "twice", 1)) == 1


def test_each_user_has_a_key_of_their_own_whatever_they_are_called(servers):
    events = [event(f"e{number}", user=one, item_id=one) for number, one in enumerate(STRANGE)]
    topics = {"events_topic": "strange"}
    assert _with_log(servers, lambda log: log.append(events), **topics) == Appended(len(events), 0)
    told = {key: Event.model_validate_json(text) for key, text in _read(servers, "strange", len(events))}
    assert told == {one.user: one for one in events}


def test_what_kafka_cannot_do_is_said(servers):
    with pytest.raises(UnsupportedByLogError, match="cannot look for a user's events"):
        _with_log(servers, lambda log: log.of_user("ann"))
    with pytest.raises(UnsupportedByLogError, match="cannot take a user's events out"):
        _with_log(servers, lambda log: log.erase("ann"))


def test_a_cluster_that_cannot_be_reached_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens

        async def main():
            log = KafkaEventLog(f"127.0.0.1:{taken.getsockname()[1]}", timeout=1)
            try:
                await log.append([event("e1"), event("e2")])
            finally:
                await log.close()

        with pytest.raises(EventLogError, match="Kafka did not take 2 of 2 messages"):
            asyncio.run(main())


def test_a_setting_that_is_none_is_told():
    with pytest.raises(EventLogError, match=r"does not take its settings: .*no\.such\.setting"):
        KafkaEventLog("127.0.0.1:1", settings={"no.such.setting": 1})


def test_after_closing_nothing_is_taken(servers):
    async def main():
        log = KafkaEventLog(servers)
        await log.close()
        await log.append([event()])

    with pytest.raises(EventLogError, match="closed"):
        asyncio.run(main())
