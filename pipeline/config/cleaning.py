"""Configuration of the cleaning rules."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import Field, model_validator

from pipeline.config.base import Frozen


class BurstConfig(Frozen):
    """What no person does: so many events within so few seconds.

    Attributes:
      events: Events; whoever has more of them than that within `seconds` is taken for a program, and
        all that it did is rejected.
      seconds: Length of the window.
    """

    events: int = Field(default=1000, ge=2)
    seconds: int = Field(default=60, ge=1)


class CleaningConfig(Frozen):
    """Which rows of the interactions are rejected; see docs/data.md.

    Attributes:
      earliest: Day before which no event can have happened.
      latest_after_today: Days into the future that a clock may be off.
      min_value: Lowest value that is possible.
      max_value: Highest value that is possible.
      max_dwell_seconds: Longest dwelling that is possible.
      cancellations: Event type that cancels to the event type that it cancels: both the cancelling
        event and the newest earlier one of its user and item are rejected.
      burst: See :class:`BurstConfig`; `null` switches the rule off.
      min_item_users: Items with fewer distinct users lose their interactions; they stay candidates.
      min_user_events: Users with fewer events, counted after the items' rule, lose them.
      max_rejected: Share of rejected rows above which a run stops. Rows older than the
        configured retention, repeated ones and those of rare users and items do not count as faults.
    """

    earliest: date = date(1990, 1, 1)
    latest_after_today: timedelta = timedelta(days=1)
    min_value: float | None = None
    max_value: float | None = None
    max_dwell_seconds: float = Field(default=86400, gt=0)
    cancellations: dict[str, str] = Field(default_factory=dict)
    burst: BurstConfig | None = BurstConfig()
    min_item_users: int = Field(default=1, ge=1)
    min_user_events: int = Field(default=1, ge=1)
    max_rejected: float = Field(default=0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _values_have_room(self) -> CleaningConfig:
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise ValueError(f"min_value {self.min_value:g} is above max_value {self.max_value:g}")
        return self
