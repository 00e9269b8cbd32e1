"""The model server, as the gateway asks it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from gateway.sessions import SessionEvent
from pipeline.config.feedback import KindConfig
from pipeline.config.gateway import GatewayConfig
from pipeline.datasets.feedback_meaning import Meaning
from schemas.features import (
    HISTORY_DWELL_SECONDS,
    HISTORY_EVENT_TYPES,
    HISTORY_TIMESTAMPS,
    HISTORY_VALUES,
)
from serving.client import (
    AsyncGrpcClient,
    AsyncRecommenderClient,
    BadRequestError,
    ClientOptions,
    Controls,
    History,
    NotServedError,
    Recommendations,
    RetryPolicy,
    ServingCallError,
)
from serving.client.model import ModelMetadata
from serving.client.question import RECOMMENDER
from serving.client.user_history import UserHistory

logger = logging.getLogger(__name__)

Version = int | str | None  # a number, a label, or the newest

_FOR_SESSIONS = "for_sessions"
# One more try, at once, for a connection that broke while nobody used it.
_RETRY = RetryPolicy(attempts=2, first_delay=0.01)
_METADATA_SECONDS = 5.0  # at least


class ModelServer:
    """Asks TensorFlow Serving, or `recstack serve`, over gRPC."""

    def __init__(self, config: GatewayConfig, meaning: Meaning):
        """Connects at the first call; made where its event loop runs.

        Args:
          config: Of the gateway.
          meaning: What kinds of events are in the terms of the models' data; the others are no history.
        """
        self._meaning = meaning
        options = ClientOptions(timeout=config.deadline_ms / 1000, retry=_RETRY)
        self._client = AsyncGrpcClient(config.server, options)
        self._metadata_seconds = max(_METADATA_SECONDS, options.timeout)
        self._lists: dict[Version, frozenset[str]] = {}
        self._askers: dict[Version, AsyncRecommenderClient] = {}

    async def for_user(
        self, user: str, events: Sequence[SessionEvent], controls: Controls, version: Version, timestamp: int
    ) -> Recommendations:
        """A list for a user.

        Args:
          user: As the models know them.
          events: What they did lately, the oldest first.
          controls: Of the list.
          version: That is asked.
          timestamp: Of the request, in seconds since 1970.

        Raises:
          ServingCallError: There is no answer in time.
        """
        recent = await self.history(events, version)
        asker = self._asker(version)
        return await asker.recommend_for_user(user, controls, timestamp=timestamp, recent=recent)

    async def like_item(self, item_id: str, controls: Controls, label: str | None) -> Recommendations:
        """Items that are like one; see :meth:`for_user`."""
        return await self._asker(label).similar_items(item_id, controls)

    async def for_text(self, text: str, controls: Controls, label: str | None) -> Recommendations:
        """Items that a text speaks of; see :meth:`for_user`."""
        return await self._asker(label).search_text(text, controls)

    async def user_history(self, user: str, length: int, label: str | None) -> UserHistory:
        """What the models have learnt of a user, at most `length` items; see :meth:`for_user`."""
        return await self._asker(label).user_history(user, length)

    async def history(self, events: Sequence[SessionEvent], version: Version) -> History | None:
        """The lists of a history that the models' signature takes; `None` without an event."""
        told = [(event, entry) for event in events if (entry := self._entry(event)) is not None]
        if not told:
            return None
        names = await self._list_names(version)
        columns: dict[str, tuple[str, Callable[[SessionEvent, KindConfig], Any]]] = {
            "values": (HISTORY_VALUES, _value),
            "event_types": (HISTORY_EVENT_TYPES, lambda event, entry: entry.event_type or event.kind),
            "timestamps": (HISTORY_TIMESTAMPS, lambda event, _: event.timestamp_ms // 1000),
            "dwell_seconds": (HISTORY_DWELL_SECONDS, lambda event, _: event.dwell_seconds or 0.0),
        }
        lists = {
            column: [read(*one) for one in told] for column, (name, read) in columns.items() if name in names
        }
        return History(item_ids=[event.item_id for event, _ in told], **lists)

    async def versions(self) -> dict[str, int]:
        """The version that answers, and those of the labels that are known to the server.

        Raises:
          ServingCallError: There is no server, or it has no models.
        """
        found = {}
        for name, label in (("newest", None), ("stable", "stable"), ("canary", "canary")):
            try:
                metadata = await self._metadata(label)
            except ServingCallError:
                if label is None:
                    raise
            else:
                found[name] = metadata.version
        return found

    async def number_of(self, version: Version) -> int:
        """The number of a version.

        Raises:
          NotServedError: The server does not have it; its message says what there is.
          ServingCallError: The server does not answer.
        """
        try:
            return (await self._metadata(version)).version
        except (NotServedError, BadRequestError) as error:
            kind = "version" if isinstance(version, int) else "label"
            statuses = await self._client.status(RECOMMENDER, timeout=self._metadata_seconds)
            there = sorted(one.version for one in statuses if one.state == "AVAILABLE")
            listed = ", ".join(map(str, there)) or "none"
            raise NotServedError(error.code, f"there is no {kind} {version}; versions: {listed}") from error

    def _entry(self, event: SessionEvent) -> KindConfig | None:
        """What an event is in a history; `None` if it is none there."""
        entry = self._meaning.get(event.kind)
        if entry is None or entry.exposure or (entry.value == "event" and event.value is None):
            return None
        return entry

    async def close(self) -> None:
        """Closes the connection."""
        await self._client.close()

    async def _list_names(self, version: Version) -> frozenset[str]:
        """Inputs that the signature has; asked once, as versions of one bundle share them."""
        if version not in self._lists:
            metadata = await self._metadata(version)
            self._lists[version] = frozenset(metadata.signatures[_FOR_SESSIONS].inputs)
        return self._lists[version]

    async def _metadata(self, version: Version) -> ModelMetadata:
        """What the server says of the recommender."""
        return await self._client.metadata(RECOMMENDER, **_named(version), timeout=self._metadata_seconds)

    def _asker(self, version: Version) -> AsyncRecommenderClient:
        if version not in self._askers:
            self._askers[version] = AsyncRecommenderClient(self._client, **_named(version))
        return self._askers[version]


def _named(version: Version) -> dict[str, Any]:
    """As the client takes it."""
    return {"version": version} if isinstance(version, int) else {"label": version}


def _value(event: SessionEvent, entry: KindConfig) -> float:
    value = event.value if entry.value == "event" else entry.value
    return float(value or 0.0)


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())
