"""What the workers that prepare the data are told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

from pipeline.config.cleaning import CleaningConfig
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.raw_file import Part
from pipeline.datasets.spans import SpanPlan
from pipeline.privacy.erasure_list import ErasureList
from pipeline.privacy.pseudonyms import PseudonymKey
from schemas.features import TableLayout

QUARANTINE = "quarantine"


@dataclass(frozen=True)
class TimeLimits:
    """Which times are possible, and which are too old to keep; seconds since 1970 UTC.

    Attributes:
      earliest: The first second in which an event can have happened.
      latest: The first second in which none can.
      kept_from: Older events are left out; `None` keeps all.
    """

    earliest: int
    latest: int
    kept_from: int | None = None


def time_limits(
    cleaning: CleaningConfig, retention_days: int | None, as_of: date | None, today: date
) -> TimeLimits:
    """The limits of a configuration.

    Args:
      cleaning: The cleaning rules.
      retention_days: Age from which events are left out.
      as_of: The day from which the age counts back; `None` is today.
      today: Today.
    """
    kept_from = None
    if retention_days is not None:
        kept_from = _second((as_of or today) - timedelta(days=retention_days))
    return TimeLimits(
        earliest=_second(cleaning.earliest),
        latest=_second(today + timedelta(days=1) + cleaning.latest_after_today),
        kept_from=kept_from,
    )


def _second(day: date) -> int:
    return int(datetime.combine(day, time(), timezone.utc).timestamp())


@dataclass(frozen=True)
class PreparationSettings:
    """All that a worker needs; it is sent to the workers, so it holds no open file.

    Attributes:
      adapter: Reads the source.
      layout: The source's optional columns.
      parts: The pieces of the interactions.
      cleaning: The rules.
      limits: Of the times.
      key: Of the pseudonyms; `None` keeps user ids as they are.
      erased: People who must not come back.
      min_users: Item ids with fewer distinct users are folded.
      history_length: Newest events kept in a history.
      num_shards: Over how many shards the people are spread.
      folder: The folder being written; every worker must see it.
      spans: Of the interactions, if they come in spans.
    """

    adapter: DatasetAdapter
    layout: TableLayout
    parts: tuple[Part, ...]
    cleaning: CleaningConfig
    limits: TimeLimits
    key: PseudonymKey | None
    erased: ErasureList
    min_users: int
    history_length: int
    num_shards: int
    folder: Path
    spans: SpanPlan | None = None

    @property
    def spill_dir(self) -> Path:
        """Interactions between two steps; not kept."""
        return self.folder / "spill"

    @property
    def quarantine_dir(self) -> Path:
        """Rejected rows."""
        return self.folder / QUARANTINE
