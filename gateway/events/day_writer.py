"""Writes batches into the file of the day on which they come in, each event once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from gateway.events.batch import Batch
from gateway.events.day_file import DayFile
from gateway.events.day_files import day_files, remove_day
from gateway.events.event import MAX_AHEAD_MS
from gateway.events.event_log import Appended, EventLogError

_log = logging.getLogger(__name__)


class DayWriter:
    """Chooses the file, drops files that are too old, and finds events that another day has.

    An event cannot have come in more than :data:`MAX_AHEAD_MS` before it happened. So the days since then
    are all that can hold it: of a fresh event two.
    """

    def __init__(self, folder: Path, key: str | None, retention_days: int | None, clock: Callable[[], float]):
        """Opens today's file, and looks through it.

        Args:
          folder: Of the files; it is there.
          key: Fingerprint of the key of the pseudonyms; `None` for raw ids.
          retention_days: Files of earlier days are removed; `None` keeps all.
          clock: Seconds since 1970 UTC.

        Raises:
          EventLogError: The file cannot be used.
        """
        self._folder = folder
        self._key = key
        self._retention_days = retention_days
        self._clock = clock
        self._open: dict[date, DayFile] = {}
        self._swept: date | None = None
        self._file(self._today(), create=True, check=True)

    def write(self, batches: Sequence[Batch]) -> list[Appended]:
        """Keeps batches, all or none of them.

        Raises:
          EventLogError: They cannot be written.
        """
        try:
            self._drop_old()
            return self._write(batches)
        except EventLogError:
            self.close()  # after a fault of the disk a connection knows too little of its file
            raise

    def close(self) -> None:
        """Closes all files."""
        while self._open:
            self._open.popitem()[1].close()

    def _write(self, batches: Sequence[Batch]) -> list[Appended]:
        day = self._today()
        while True:
            file = self._file(day, create=True)
            with file.transaction():
                if not file.is_sealed:
                    known = self._known_elsewhere(batches, day)
                    return [file.insert(batch, known) for batch in batches]
            day += timedelta(days=1)  # it was written out in this very moment, or the clock goes back

    def _known_elsewhere(self, batches: Sequence[Batch], today: date) -> set[str]:
        """Ids of those events that other days hold."""
        batches = [batch for batch in batches if batch.events]
        if not batches:
            return set()
        earliest = _day_of(min(batch.earliest_ms for batch in batches) - MAX_AHEAD_MS)
        event_ids = [event_id for batch in batches for event_id in batch.event_ids]
        known: set[str] = set()
        for day in day_files(self._folder):
            if day >= earliest and day != today:
                known |= self._file(day).known(event_ids)
        return known

    def _file(self, day: date, create: bool = False, check: bool = False) -> DayFile:
        if day not in self._open:
            path = self._folder / f"{day.isoformat()}.sqlite"
            self._open[day] = DayFile(path, self._key, create=create, check=check)
        return self._open[day]

    def _drop_old(self) -> None:
        """Removes the files of days that need not be kept, once a day."""
        today = self._today()
        if self._retention_days is None or self._swept == today:
            return
        self._swept = today
        try:
            remove_old_days(self._folder, today - timedelta(days=self._retention_days), self._forget)
        except EventLogError as error:  # no reason to refuse what comes in; tomorrow is another day
            _log.warning("%s", error)

    def _forget(self, day: date) -> None:
        if day in self._open:
            self._open.pop(day).close()

    def _today(self) -> date:
        return _day_of(int(self._clock() * 1000))


def remove_old_days(folder: Path, kept_from: date, before: Callable[[date], None] = lambda day: None) -> int:
    """Removes the files of days before one.

    Args:
      folder: Of the files.
      kept_from: The first day that stays.
      before: Called with each day before its file is removed.

    Returns:
      How many days were removed.

    Raises:
      EventLogError: A file cannot be removed.
    """
    old = {day: path for day, path in day_files(folder).items() if day < kept_from}
    for day, path in old.items():
        before(day)
        remove_day(path)
        _log.info("removed %s: older than events are kept", path)
    return len(old)


def _day_of(milliseconds: int) -> date:
    return datetime.fromtimestamp(max(milliseconds, 0) / 1000, timezone.utc).date()
