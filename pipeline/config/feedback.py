"""Configuration of what a run learns from the gateway's events."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pipeline.config.base import Frozen
from schemas.event_kinds import EventKind


class KindConfig(Frozen):
    """What a kind of event is in the terms of the source.

    Attributes:
      event_type: Its name among the source's event types; by default the kind's own. Only where the source
        has event types.
      value: Its value: a number, or `event` for the one that the event carries; an event without one is
        then left out. Where the source has values there must be one, elsewhere there may be none.
      exposure: Whether it says that an item was shown and not taken up. Only where the source has event
        types.
    """

    event_type: str | None = Field(default=None, min_length=1)
    value: float | Literal["event"] | None = None
    exposure: bool = False


class FeedbackConfig(Frozen):
    """Events that a run reads beside its source; see docs/continuous.md.

    Attributes:
      path: Folder of the spans that `recstack events export` writes; a relative path is taken from the
        configuration file's folder. By default those of this run, of which there need be none yet.
      kinds: Kind of event to what it is to the source; a kind that is not named is not learnt from. By
        default, ratings where the source has values, and everything else where it has none.
    """

    path: Path | None = None
    kinds: dict[EventKind, KindConfig] | None = None

    @model_validator(mode="after")
    def _something_is_learnt_from(self) -> FeedbackConfig:
        if self.kinds is not None and not self.kinds:
            raise ValueError("kinds: name at least one kind of event, or leave it out")
        return self
