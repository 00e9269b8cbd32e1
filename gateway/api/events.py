"""Events, as callers send them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from gateway.api.fields import OF_NO_OTHER_TYPE, Message
from gateway.events.event import EARLIEST_MS, Event, EventId, EventKind, EventTime, Id, RequestId

Dwelling = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False), OF_NO_OTHER_TYPE]
"""Seconds, of a day at most."""


def _needs(kind: EventKind, field: str) -> dict[str, Any]:
    """A rule of JSON Schema: events of a kind have a field."""
    given = {"required": [field], "properties": {field: {"type": "number"}}}
    return {"if": {"properties": {"kind": {"const": kind}}}, "then": given}


class SentEvent(Message):
    """One thing that a person did.

    Attributes:
      event_id: The caller makes it; an event that is sent again counts once.
      kind: What it was.
      user_id: Who did it, as the data have them.
      item_id: What with.
      timestamp_ms: When, in milliseconds since 1970; by default when it comes in.
      request_id: Of the list that the item stood in.
      rank: Where, from 1.
      value: A rating, an amount.
      dwell_seconds: How long.
    """

    model_config = ConfigDict(
        json_schema_extra={"allOf": [_needs("rating", "value"), _needs("dwell", "dwell_seconds")]}
    )

    event_id: EventId
    kind: EventKind
    user_id: Id
    item_id: Id
    timestamp_ms: Annotated[EventTime, OF_NO_OTHER_TYPE] | None = None
    request_id: RequestId | None = None
    rank: Annotated[int, Field(ge=1, le=100_000), OF_NO_OTHER_TYPE] | None = None
    value: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False), OF_NO_OTHER_TYPE] | None = None
    dwell_seconds: Dwelling | None = None

    @model_validator(mode="after")
    def _is_an_event(self) -> SentEvent:
        """What :class:`Event` asks for, at a moment when no time can be wrong yet."""
        self.event(self.user_id, self.timestamp_ms or EARLIEST_MS)
        return self

    def event(self, user: str, received_ms: int) -> Event:
        """As it is kept.

        Args:
          user: By the name that the log knows.
          received_ms: When it came in.

        Raises:
          ValidationError: Its time lies ahead.
        """
        fields: dict[str, Any] = self.model_dump(exclude={"user_id"})
        fields["timestamp_ms"] = received_ms if self.timestamp_ms is None else self.timestamp_ms
        return Event(**fields, user=user, received_ms=received_ms)


class EventBatch(Message):
    """Events, of any number of people.

    Attributes:
      events: All are kept, or none.
    """

    events: Annotated[list[SentEvent], Field(min_length=1, max_length=10_000)]
