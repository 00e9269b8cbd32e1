"""The model server, as the gateway asks it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from gateway.sessions import SessionEvent
from pipeline.config.gateway import GatewayConfig
from schemas.features import (
    HISTORY_DWELL_SECONDS,
    HISTORY_EVENT_TYPES,
    HISTORY_TIMESTAMPS,
    HISTORY_VALUES,
)
from serving.client import (
    AsyncGrpcClient,
    AsyncRecommenderClient,
    ClientOptions,
    Controls,
    History,
    Recommendations,
    RetryPolicy,
    ServingCallError,
)
from serving.client.question import RECOMMENDER

logger = logging.getLogger(__name__)

_FOR_USERS = "for_users"
# One more try, at once, for a connection that broke while nobody used it.
_RETRY = RetryPolicy(attempts=2, first_delay=0.01)
_METADATA_SECONDS = 5.0
# What tells of an interest; the others tell of what was shown.
INTERESTS = frozenset({"click", "like", "rating", "purchase", "dwell"})


class ModelServer:
    """Asks TensorFlow Serving, or `recstack serve`, over gRPC."""

    def __init__(self, config: GatewayConfig):
        """Connects at the first call; made where its event loop runs."""
        self._config = config
        options = ClientOptions(timeout=config.deadline_ms / 1000, retry=_RETRY)
        self._client = AsyncGrpcClient(config.server, options)
        self._lists: dict[str | None, frozenset[str]] = {}
        self._askers: dict[str | None, AsyncRecommenderClient] = {}

    async def for_user(
        self, user: str, events: Sequence[SessionEvent], controls: Controls, label: str | None, timestamp: int
    ) -> Recommendations:
        """A list for a user.

        Args:
          user: As the models know them.
          events: What they did lately, the oldest first.
          controls: Of the list.
          label: Of the version that is asked; `None` for the newest.
          timestamp: Of the request, in seconds since 1970.

        Raises:
          ServingCallError: There is no answer in time.
        """
        recent = await self.history(events, label)
        return await self._asker(label).recommend_for_user(user, controls, timestamp=timestamp, recent=recent)

    async def like_item(self, item_id: str, controls: Controls, label: str | None) -> Recommendations:
        """Items that are like one; see :meth:`for_user`."""
        return await self._asker(label).similar_items(item_id, controls)

    async def for_text(self, text: str, controls: Controls, label: str | None) -> Recommendations:
        """Items that a text speaks of; see :meth:`for_user`."""
        return await self._asker(label).search_text(text, controls)

    async def history(self, events: Sequence[SessionEvent], label: str | None) -> History | None:
        """The lists of a history that the models' signature takes; `None` without an event."""
        told = [event for event in events if event.kind in INTERESTS]
        if not told:
            return None
        names = await self._list_names(label)
        return History(
            item_ids=[event.item_id for event in told],
            values=[event.value or 0.0 for event in told] if HISTORY_VALUES in names else None,
            event_types=[event.kind for event in told] if HISTORY_EVENT_TYPES in names else None,
            timestamps=(
                [event.timestamp_ms // 1000 for event in told] if HISTORY_TIMESTAMPS in names else None
            ),
            dwell_seconds=(
                [event.dwell_seconds or 0.0 for event in told] if HISTORY_DWELL_SECONDS in names else None
            ),
        )

    async def versions(self) -> dict[str, int]:
        """The version that answers, and those of the labels that are known to the server.

        Raises:
          ServingCallError: There is no server, or it has no models.
        """
        found = {}
        for name, label in (("newest", None), ("stable", "stable"), ("canary", "canary")):
            try:
                metadata = await self._client.metadata(RECOMMENDER, label=label, timeout=_METADATA_SECONDS)
            except ServingCallError:
                if label is None:
                    raise
            else:
                found[name] = metadata.version
        return found

    async def close(self) -> None:
        """Closes the connection."""
        await self._client.close()

    async def _list_names(self, label: str | None) -> frozenset[str]:
        """Inputs that the signature has; asked once, as versions of one bundle share them."""
        if label not in self._lists:
            metadata = await self._client.metadata(RECOMMENDER, label=label, timeout=_METADATA_SECONDS)
            self._lists[label] = frozenset(metadata.signatures[_FOR_USERS].inputs)
        return self._lists[label]

    def _asker(self, label: str | None) -> AsyncRecommenderClient:
        return self._askers.setdefault(label, AsyncRecommenderClient(self._client, label=label))


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())
