"""What one caller wants kept, as rows of the log's tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.events.event import Event
from gateway.events.served_list import ServedList

EVENT_FIELDS = tuple(Event.model_fields)
EVENT_COLUMNS = tuple("user_id" if name == "user" else name for name in EVENT_FIELDS)


@dataclass(frozen=True)
class Batch:
    """What one caller wants kept, as rows of the tables.

    Attributes:
      events: Rows of events.
      served: Rows of served lists.
      earliest_ms: When the oldest of the events happened.
    """

    events: tuple[tuple[Any, ...], ...] = ()
    served: tuple[tuple[Any, ...], ...] = ()
    earliest_ms: int = 0

    @staticmethod
    def of_events(events: Sequence[Event]) -> Batch:
        """Of events, of which there is at least one."""
        rows = tuple(tuple(getattr(event, name) for name in EVENT_FIELDS) for event in events)
        return Batch(events=rows, earliest_ms=min(event.timestamp_ms for event in events))

    @staticmethod
    def of_served(served: ServedList) -> Batch:
        """Of a list."""
        return Batch(served=((served.request_id, served.user, served.model_dump_json()),))

    @property
    def event_ids(self) -> list[str]:
        """Ids of the events."""
        return [row[0] for row in self.events]
