"""Events in SQLite databases, one a day: what a single machine needs, and no server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.events.batch import Batch
from gateway.events.day_file import DayFile
from gateway.events.day_files import day_files
from gateway.events.day_writer import DayWriter
from gateway.events.event import Event
from gateway.events.event_log import Appended, EventLogError, UserRecord
from gateway.events.group_commit import GroupCommit
from gateway.events.served_list import ServedList
from pipeline.privacy.database_rows import journal_of, remove_database_rows
from pipeline.privacy.person import Person
from pipeline.privacy.traces import holds_person


class SqliteEventLog:
    """An :class:`~gateway.events.event_log.EventLog` in a folder of databases, one a UTC day of receipt.

    A call returns when what it brought is on the disk; calls that wait at the same time share one commit.
    Several processes may share the folder. The files have mode 0600.
    """

    def __init__(
        self,
        folder: Path,
        key: str | None = None,
        retention_days: int | None = None,
        clock: Callable[[], float] = time.time,
    ):
        """Opens the log.

        Args:
          folder: Of the databases; it is made if need be.
          key: Fingerprint of the key of the pseudonyms that users are named by; `None` for raw ids.
          retention_days: Days that are kept before today; older files are removed whole. `None` keeps all.
          clock: Seconds since 1970 UTC.

        Raises:
          EventLogError: The folder cannot be made, or today's file is damaged or another's.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EventLogError(f"cannot make the event log {folder}: {error.strerror}") from error
        self._folder = folder
        self._key = key
        self._writer = DayWriter(folder, key, retention_days, clock)
        self._commits = GroupCommit(self._writer.write)

    async def append(self, events: Sequence[Event]) -> Appended:
        """See :class:`~gateway.events.event_log.EventLog`.

        An event that was sent before is found if its `timestamp_ms` is what it was then.
        """
        if not events:
            return Appended(0, 0)
        return await asyncio.wrap_future(self._commits.submit(Batch.of_events(events)))

    async def append_served(self, served: ServedList) -> None:
        """See :class:`~gateway.events.event_log.EventLog`."""
        await asyncio.wrap_future(self._commits.submit(Batch.of_served(served)))

    async def of_user(self, user: str) -> UserRecord:
        """See :class:`~gateway.events.event_log.EventLog`."""
        return await asyncio.to_thread(record_of, self._folder, self._key, user)

    async def erase(self, user: str) -> int:
        """See :class:`~gateway.events.event_log.EventLog`."""
        return await asyncio.to_thread(erase_from, self._folder, user)

    async def close(self) -> None:
        """See :class:`~gateway.events.event_log.EventLog`."""
        await asyncio.to_thread(self._commits.close)
        self._writer.close()


def record_of(folder: Path, key: str | None, user: str) -> UserRecord:
    """All that the databases of a folder have of a user.

    Args:
      folder: Of the databases.
      key: As in :class:`SqliteEventLog`.
      user: As the log names them.

    Raises:
      EventLogError: A database cannot be read.
    """
    events: list[Event] = []
    served: list[ServedList] = []
    for path in day_files(folder).values():
        file = DayFile(path, key)
        try:
            found = file.of_user(user)
        finally:
            file.close()
        events += found[0]
        served += found[1]
    return UserRecord(events=tuple(events), served=tuple(served))


def erase_from(folder: Path, user: str) -> int:
    """Removes all that the databases of a folder have of a user; how many rows that were.

    Raises:
      EventLogError: A database cannot be written.
    """
    person = Person((user,))
    try:
        return sum(
            remove_database_rows(path, person)
            for path in day_files(folder).values()
            if any(holds_person(file, person) for file in (path, journal_of(path)) if file.exists())
        )
    except OSError as error:
        raise EventLogError(str(error)) from error
