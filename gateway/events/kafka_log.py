"""Events in Kafka, for whoever has a cluster; needs the extra `kafka`."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from gateway.events.event import Event
from gateway.events.event_log import Appended, EventLogError, UnsupportedByLogError, UserRecord
from gateway.events.served_list import ServedList

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message

_POLL_SECONDS = 0.1
_log = logging.getLogger(__name__)


class KafkaEventLog:
    """An :class:`~gateway.events.event_log.EventLog` that hands events to a Kafka cluster.

    A call returns when all replicas in sync have what it brought (`acks=all`); the producer is idempotent,
    so that its own retries give no duplicates. Messages are JSON, keyed by the user, so that a user's stay
    in order.

    What Kafka cannot do: an event that is sent again is a message again, told by its `event_id`; a call
    that fails may have left some of its events; and nobody's events can be looked up or taken out, which is
    for the topics' retention and for whatever reads them.
    """

    def __init__(
        self,
        servers: str,
        events_topic: str = "recstack.events",
        served_topic: str = "recstack.served",
        timeout: float = 30.0,
        settings: Mapping[str, Any] | None = None,
    ):
        """Makes the producer; nothing is connected yet.

        Args:
          servers: Kafka's `bootstrap.servers`.
          events_topic: Of the events.
          served_topic: Of the served lists.
          timeout: Seconds until a message that cannot be delivered is given up, at least 1.
          settings: More of librdkafka's, such as `security.protocol`.

        Raises:
          EventLogError: The extra is not installed, or a setting is none.
        """
        self._topics = (events_topic, served_topic)
        self._timeout = timeout
        self._producer = _producer(
            {
                **(settings or {}),
                "bootstrap.servers": servers,
                "enable.idempotence": True,
                "acks": "all",
                "delivery.timeout.ms": int(timeout * 1000),
            }
        )
        self._closed = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="kafka-deliveries", daemon=True)
        self._poller.start()

    async def append(self, events: Sequence[Event]) -> Appended:
        """Delivers events; those with the same id in one call count as duplicates, others cannot be known.

        Raises:
          EventLogError: Not all could be delivered; send all of them again.
        """
        distinct = {event.event_id: event for event in events}
        topic, _ = self._topics
        await self._deliver([(topic, e.user, e.model_dump_json()) for e in distinct.values()])
        return Appended(len(distinct), len(events) - len(distinct))

    async def append_served(self, served: ServedList) -> None:
        """Delivers a list.

        Raises:
          EventLogError: It could not be delivered.
        """
        await self._deliver([(self._topics[1], served.user, served.model_dump_json())])

    async def of_user(self, user: str) -> UserRecord:
        """Cannot be done.

        Raises:
          UnsupportedByLogError: Always.
        """
        raise UnsupportedByLogError(
            "Kafka cannot look for a user's events; ask whatever reads the topics and keeps them"
        )

    async def erase(self, user: str) -> int:
        """Cannot be done.

        Raises:
          UnsupportedByLogError: Always.
        """
        raise UnsupportedByLogError(
            "Kafka cannot take a user's events out of a topic; let the topics' retention be short, and erase "
            "in whatever reads them"
        )

    async def close(self) -> None:
        """Waits for deliveries, as long as one may take, and ends the thread."""
        await asyncio.to_thread(self._producer.flush, self._timeout)
        self._closed.set()
        await asyncio.to_thread(self._poller.join)

    async def _deliver(self, messages: Sequence[tuple[str, str, str]]) -> None:
        """Sends messages, each a topic, a key and a text, and waits for all reports."""
        if self._closed.is_set():
            raise EventLogError("the event log is closed")
        reports = [self._produce(topic, key, text) for topic, key, text in messages]
        errors = [error for error in await asyncio.gather(*map(asyncio.wrap_future, reports)) if error]
        if errors:
            raise EventLogError(f"Kafka did not take {len(errors)} of {len(messages)} messages: {errors[0]}")

    def _produce(self, topic: str, key: str, text: str) -> Future[str | None]:
        """Queues a message; the result is what went wrong, or `None`."""
        report: Future[str | None] = Future()

        def delivered(error: KafkaError | None, _: Message) -> None:
            if report.set_running_or_notify_cancel():
                report.set_result(None if error is None else error.str())

        try:
            self._producer.produce(topic, value=text, key=key, on_delivery=delivered)
        except BufferError:
            raise EventLogError("too much waits for Kafka already; send again later") from None
        return report

    def _poll(self) -> None:
        """Takes delivery reports in, until the log is closed."""
        while not self._closed.is_set():
            self._producer.poll(_POLL_SECONDS)


def _producer(settings: dict[str, Any]) -> Any:
    try:
        from confluent_kafka import KafkaException, Producer
    except ImportError as error:
        raise EventLogError(
            "events in Kafka need the package confluent-kafka: pip install 'recstack[kafka]'"
        ) from error
    try:
        return Producer(settings, logger=_log)
    except (KafkaException, ValueError) as error:
        raise EventLogError(f"Kafka's client does not take its settings: {error}") from error
