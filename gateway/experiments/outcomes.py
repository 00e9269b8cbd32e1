"""What the log says of lists, and what people did with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gateway.events.day_file import DayFile
from gateway.events.day_files import day_files
from gateway.events.served_list import ServedList
from pipeline.errors import InputError
from schemas.event_kinds import EventKind


@dataclass(frozen=True)
class Period:
    """Days, UTC, on which lists were served; what people did with them may have come in later.

    Attributes:
      since: The first; `None` for all that there are.
      until: The last.
    """

    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        """Checks the order.

        Raises:
          InputError: The first day comes after the last.
        """
        if self.since is not None and self.until is not None and self.since > self.until:
            raise InputError(f"--since {self.since} is after --until {self.until}")

    def has(self, day: date) -> bool:
        """Whether a day is one of them."""
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)


@dataclass(frozen=True)
class Outcome:
    """An event that names the list that it follows from.

    Attributes:
      request_id: Of the list.
      user: Who did it.
      kind: What.
      item_id: With which item.
      value: A rating, an amount.
    """

    request_id: str
    user: str
    kind: EventKind
    item_id: str
    value: float | None


def served_lists(log: Path, key: str | None, period: Period) -> Iterator[ServedList]:
    """Lists of a log, by the day on which they were kept.

    Args:
      log: Folder of the databases.
      key: Fingerprint of the key of the pseudonyms; `None` for raw ids.
      period: Which.

    Raises:
      EventLogError: A database cannot be read.
    """
    for day, path in day_files(log).items():
        if period.has(day):
            with closing(DayFile(path, key)) as file:
                for lists in file.all_served():
                    yield from lists


def outcomes(log: Path, key: str | None, period: Period) -> Iterator[Outcome]:
    """Events that name a list, of the first day of a period and of all days after it; see `served_lists`."""
    for day, path in day_files(log).items():
        if period.since is None or day >= period.since:
            with closing(DayFile(path, key)) as file:
                for rows in file.event_rows():
                    for row in rows:
                        if row["request_id"] is not None:
                            yield Outcome(
                                row["request_id"], row["user_id"], row["kind"], row["item_id"], row["value"]
                            )
