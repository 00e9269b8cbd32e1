"""One thing that a person did."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.event_kinds import EventKind

CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Characters that begin a line or move a cursor, as a class of a regular expression has them."""

_MAX_ID_BYTES = 512  # the pipeline takes no longer ones


def _of_few_bytes(text: str) -> str:
    if len(text.encode()) > _MAX_ID_BYTES:
        raise ValueError(f"an id has at most {_MAX_ID_BYTES} bytes")
    return text


# No control characters: ids end up in vocabularies, a line each.
Id = Annotated[
    str,
    Field(min_length=1, max_length=256, pattern=rf"^[^{CONTROL}]+$"),
    AfterValidator(_of_few_bytes),
]
EventId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
RequestId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Milliseconds = Annotated[int, Field(ge=0, lt=1 << 42)]  # until the year 2109

_DAY_MS = 86_400_000
# A clock that was never set says 1970, and `cleaning.earliest` of a run is the same day by default.
EARLIEST_MS = 631_152_000_000  # 1990-01-01
EventTime = Annotated[Milliseconds, Field(ge=EARLIEST_MS)]
# How far a caller's clock may be ahead.
MAX_AHEAD_MS = _DAY_MS


class Event(BaseModel):
    """What somebody did with an item.

    Attributes:
      event_id: Made by the caller, 1 to 64 of `A-Za-z0-9._-`: an event that is sent again with it is the
        same event.
      kind: What happened. A `rating` has a `value`, a `dwell` has `dwell_seconds`.
      user: As the run stores people: a pseudonym, or the raw id.
      item_id: The item.
      timestamp_ms: When it happened, in milliseconds since 1970 UTC, by the caller's clock, which may be a
        day ahead; not before 1990.
      request_id: Of the list that showed the item.
      rank: Of the item in that list, from 1.
      value: A rating, an amount.
      dwell_seconds: How long somebody dwelt on the item.
      received_ms: When it came in, by the gateway's clock.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    event_id: EventId
    kind: EventKind
    user: Id
    item_id: Id
    timestamp_ms: EventTime
    request_id: RequestId | None = None
    rank: int | None = Field(default=None, ge=1, le=100_000)
    value: float | None = Field(default=None, ge=-1e9, le=1e9)
    dwell_seconds: float | None = Field(default=None, ge=0, le=86_400)
    received_ms: Milliseconds

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Event:
        if self.kind == "rating" and self.value is None:
            raise ValueError("a rating needs a value")
        if self.kind == "dwell" and self.dwell_seconds is None:
            raise ValueError("a dwell needs dwell_seconds")
        if self.timestamp_ms > self.received_ms + MAX_AHEAD_MS:
            raise ValueError("timestamp_ms is more than a day ahead: is it in milliseconds?")
        return self
