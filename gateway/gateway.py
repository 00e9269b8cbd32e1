"""The gateway's parts, put together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.api.answers import Accepted, Erased, ListAnswer, PersonData, SessionItem
from gateway.api.events import SentEvent
from gateway.api.page import HistoryAnswer, HistoryQuestion, LearntItem
from gateway.api.questions import ItemQuestion, PersonQuestion, TextQuestion, UserQuestion
from gateway.events.event import Event
from gateway.events.event_log import EventLog, EventLogError
from gateway.events.served_list import ServedList
from gateway.metrics import GatewayMetrics
from gateway.model_server import ModelServer
from gateway.popular import PopularList
from gateway.recommending import Recommending
from gateway.sessions import MemorySessions, Session, SessionEvent, SessionStore, SessionStoreError
from pipeline.config.gateway import GatewayConfig
from pipeline.datasets.feedback_meaning import Meaning
from serving.client import ServingCallError

logger = logging.getLogger(__name__)

_POPULAR_FILE = "popular.json"
_RETRY_SECONDS = 5.0
_NOT_OF_A_SESSION = "impression"
_REMAINING = (
    "exported spans, prepared data, trained models and served bundles may hold the person still: "
    "`recstack data erase-user` removes them"
)

Pseudonym = Callable[[str], str]


@dataclass(frozen=True)
class Gateway:
    """Answers requests and keeps events; behind its door, users go by pseudonyms, where the data have them.

    Attributes:
      config: Of the gateway.
      log: Keeps events and lists.
      sessions: Users' newest events.
      models: Answer.
      popular: Takes their place.
      recommending: Makes lists.
      metrics: Count.
      pseudonym: By what name the log and the models know a user.
    """

    config: GatewayConfig
    log: EventLog
    sessions: SessionStore
    models: ModelServer
    popular: PopularList
    recommending: Recommending
    metrics: GatewayMetrics
    pseudonym: Pseudonym

    async def for_user(self, question: UserQuestion) -> ListAnswer:
        """A list for a user."""
        user = self.pseudonym(question.user_id)
        return await self.recommending.for_user(user, question.controls, question.label)

    async def like_item(self, question: ItemQuestion) -> ListAnswer:
        """Items that are like one."""
        user = self._named(question.user_id)
        return await self.recommending.like_item(question.item_id, question.controls, user, question.label)

    async def for_text(self, question: TextQuestion) -> ListAnswer:
        """Items that a text speaks of."""
        user = self._named(question.user_id)
        return await self.recommending.for_text(question.text, question.controls, user, question.label)

    async def history(self, question: HistoryQuestion) -> HistoryAnswer:
        """What a user did, lately and before.

        Raises:
          ServingCallError: The models do not answer.
        """
        user = self.pseudonym(question.user_id)
        session = await self.recommending.session(user)
        learnt = await self.models.user_history(user, question.length, question.label or self.config.label)
        return HistoryAnswer(
            known=learnt.known,
            recent=tuple(reversed(_session_items(session))),
            items=tuple(
                LearntItem(item_id=item.item_id, title=item.title, value=item.value) for item in learnt.items
            ),
        )

    async def versions(self) -> dict[str, int]:
        """What :meth:`ModelServer.versions` says; nothing while the models do not answer."""
        try:
            return await self.models.versions()
        except ServingCallError:
            return {}

    async def take(self, sent: Sequence[SentEvent]) -> Accepted:
        """Keeps events, which are durable when it returns and count from the next request on.

        Raises:
          EventLogError: They cannot be kept now.
          ValidationError: The time of one lies ahead.
        """
        received_ms = time.time_ns() // 1_000_000
        events = [event.event(self.pseudonym(event.user_id), received_ms) for event in sent]
        appended = await self.log.append(events)
        by_user: dict[str, list[SessionEvent]] = defaultdict(list)
        for event in events:
            if event.kind != _NOT_OF_A_SESSION:
                by_user[event.user].append(_of_session(event))
        await self._remember(by_user)
        self.metrics.events(Counter(event.kind for event in events), appended.duplicates)
        return Accepted(accepted=appended.accepted, duplicates=appended.duplicates)

    async def export(self, question: PersonQuestion) -> PersonData:
        """All that the gateway has of a person.

        Raises:
          EventLogError: The log cannot be read, or cannot look for a person.
          SessionStoreError: The person's session cannot be had.
        """
        user = self.pseudonym(question.user_id)
        kept, session = await self.log.of_user(user), await self.sessions.of(user)
        return PersonData(
            user=user,
            events=kept.events,
            served=kept.served,
            session=_session_items(session),
        )

    async def erase(self, question: PersonQuestion) -> Erased:
        """Takes a person out of the log, the sessions and the lists that are given again.

        Raises:
          EventLogError: The log cannot be written, or cannot remove a person.
          SessionStoreError: The person's session cannot be removed; nothing was.
        """
        user = self.pseudonym(question.user_id)
        await self.recommending.forget(user)
        return Erased(removed=await self.log.erase(user), remaining=_REMAINING)

    async def _remember(self, by_user: Mapping[str, Sequence[SessionEvent]]) -> None:
        """Adds to sessions. The events are kept already: a store that fails costs freshness alone."""
        try:
            for user, events in by_user.items():
                await self.sessions.add(user, events)
        except SessionStoreError as error:
            logger.warning("events do not count in the next request: %s", error)

    def _named(self, user_id: str | None) -> str | None:
        return None if user_id is None else self.pseudonym(user_id)


@asynccontextmanager
async def open_gateway(
    config: GatewayConfig,
    meaning: Meaning,
    folder: Path,
    log: EventLog,
    pseudonym: Pseudonym,
    metrics: GatewayMetrics,
) -> AsyncIterator[Gateway]:
    """Opens a gateway; it and the log are closed at the end.

    Args:
      config: Of the gateway.
      meaning: What kinds of events are in the terms of the models' data.
      folder: For the popular list.
      log: Keeps events and lists.
      pseudonym: By what name the log and the models know a user.
      metrics: Count.
    """
    models, sessions = ModelServer(config, meaning), _sessions(config)
    popular = PopularList(folder / _POPULAR_FILE)
    keeping: set[asyncio.Task[None]] = set()

    def keep(served: ServedList) -> None:
        task = asyncio.create_task(_keep(log, served, metrics))
        keeping.add(task)
        task.add_done_callback(keeping.discard)

    recommending = Recommending(config, models, sessions, popular, keep, metrics.list_from)
    renewing = asyncio.create_task(_renew(config, popular, models))
    try:
        yield Gateway(config, log, sessions, models, popular, recommending, metrics, pseudonym)
    finally:
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        await asyncio.gather(*keeping)
        await models.close()
        await sessions.close()
        await log.close()


def _sessions(config: GatewayConfig) -> SessionStore:
    if config.sessions.kind == "memory":
        return MemorySessions(config.sessions)
    from gateway.redis_sessions import RedisSessions

    return RedisSessions(config.sessions)


async def _keep(log: EventLog, served: ServedList, metrics: GatewayMetrics) -> None:
    """Keeps a list; a person who waits for an answer does not wait for this."""
    try:
        await log.append_served(served)
    except EventLogError as error:
        metrics.unrecorded_list()
        logger.error("no record of a list could be kept: %s", error)


async def _renew(config: GatewayConfig, popular: PopularList, models: ModelServer) -> None:
    """Renews the popular list for as long as the gateway runs."""
    while True:
        try:
            renewed = await popular.renew(models, config.label)
        except (OSError, ServingCallError) as error:
            logger.warning("the popular list stays as it is: %s", error)
            renewed = False
        await asyncio.sleep(config.popular_minutes * 60 if renewed else _RETRY_SECONDS)


def _of_session(event: Event) -> SessionEvent:
    return SessionEvent(
        timestamp_ms=event.timestamp_ms,
        event_id=event.event_id,
        kind=event.kind,
        item_id=event.item_id,
        value=event.value,
        dwell_seconds=event.dwell_seconds,
    )


def _session_items(session: Session) -> tuple[SessionItem, ...]:
    return tuple(
        SessionItem(
            item_id=event.item_id, kind=event.kind, timestamp_ms=event.timestamp_ms, value=event.value
        )
        for event in session.events
    )
