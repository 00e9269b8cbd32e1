"""A day's events and served lists: one SQLite database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.events.batch import EVENT_COLUMNS, EVENT_FIELDS, Batch
from gateway.events.day_schema import check_day_file, make_day_file
from gateway.events.event import Event
from gateway.events.event_log import Appended, EventLogError
from gateway.events.served_list import ServedList

_BUSY_SECONDS = 60
_READ_ROWS = 10_000


class DayFile:
    """A connection to a day's database. One thread uses it at a time.

    A commit is on the disk (`synchronous=FULL`). Several processes may write the same file.
    """

    def __init__(self, path: Path, key: str | None, *, create: bool = False, check: bool = False):
        """Opens the file.

        Args:
          path: `2026-11-25.sqlite` in the log's folder.
          key: Fingerprint of the key of the pseudonyms; `None` for raw ids.
          create: Whether it may be new; then it gets mode 0600.
          check: Whether its pages are looked through; it takes a second a gigabyte or so.

        Raises:
          EventLogError: It is damaged, no event log, of another version or key, or cannot be opened.
        """
        self.path = path
        with self._told():
            if create:
                make_day_file(path, key)
            self._db = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=rw",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._told():
                self._db.execute("PRAGMA synchronous=FULL")
                check_day_file(self._db, path, key)
                if check and self._db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                    raise sqlite3.DatabaseError("pages that do not fit together")
        except EventLogError:
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keeps all that the block does, or nothing.

        Raises:
          EventLogError: It cannot be written, as on a full disk.
        """
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    def insert(self, batch: Batch, known: set[str]) -> Appended:
        """Adds what is new of a batch; `known` has the ids of events that other days hold."""
        rows = [row for row in batch.events if row[0] not in known]
        marks = ", ".join("?" * len(EVENT_COLUMNS))
        accepted = self._db.executemany(
            f"INSERT INTO events ({', '.join(EVENT_COLUMNS)}) VALUES ({marks}) "
            "ON CONFLICT (event_id) DO NOTHING",
            rows,
        ).rowcount
        self._db.executemany(
            "INSERT INTO served (request_id, user_id, list) VALUES (?, ?, ?) "
            "ON CONFLICT (request_id) DO NOTHING",
            batch.served,
        )
        accepted = max(accepted, 0)  # -1 without rows
        return Appended(accepted, len(batch.events) - accepted)

    def known(self, event_ids: Iterable[str]) -> set[str]:
        """Those of some events' ids that are here."""
        return {row[0] for row in self._chosen("SELECT event_id FROM events WHERE event_id IN", event_ids)}

    def served(self, request_ids: Iterable[str]) -> list[ServedList]:
        """Those of some lists that are here."""
        rows = self._chosen("SELECT list FROM served WHERE request_id IN", request_ids)
        return [ServedList.model_validate_json(text) for (text,) in rows]

    def event_rows(self) -> Iterator[list[dict[str, Any]]]:
        """All events in the order of receipt, by columns' names, some thousands at a time."""
        with self._told():
            cursor = self._db.execute(f"SELECT {', '.join(EVENT_COLUMNS)} FROM events ORDER BY rowid")
            while rows := cursor.fetchmany(_READ_ROWS):
                yield [dict(zip(EVENT_COLUMNS, row, strict=True)) for row in rows]

    def all_served(self) -> Iterator[list[ServedList]]:
        """All lists in the order in which they were kept, some thousands at a time."""
        with self._told():
            cursor = self._db.execute("SELECT list FROM served ORDER BY rowid")
            while rows := cursor.fetchmany(_READ_ROWS):
                yield [ServedList.model_validate_json(text) for (text,) in rows]

    def of_user(self, user: str) -> tuple[list[Event], list[ServedList]]:
        """What a user did and got."""
        with self._told():
            rows = self._db.execute(
                f"SELECT {', '.join(EVENT_COLUMNS)} FROM events WHERE user_id = ? ORDER BY rowid", (user,)
            ).fetchall()
            lists = self._db.execute(
                "SELECT list FROM served WHERE user_id = ? ORDER BY rowid", (user,)
            ).fetchall()
        events = [Event(**dict(zip(EVENT_FIELDS, row, strict=True))) for row in rows]
        return events, [ServedList.model_validate_json(text) for (text,) in lists]

    def counts(self) -> tuple[dict[str, int], int]:
        """How many events there are of each kind, and how many served lists."""
        with self._told():
            kinds = self._db.execute("SELECT kind, COUNT(*) FROM events GROUP BY kind ORDER BY kind")
            return dict(kinds.fetchall()), self._db.execute("SELECT COUNT(*) FROM served").fetchone()[0]

    def users(self) -> set[str]:
        """Who did something."""
        with self._told():
            return {row[0] for row in self._db.execute("SELECT DISTINCT user_id FROM events")}

    @property
    def is_sealed(self) -> bool:
        """Whether nothing may be added any more."""
        with self._told():
            return bool(self._db.execute("SELECT sealed FROM log").fetchone()[0])

    def seal(self) -> None:
        """From now on nothing may be added: the day is written out."""
        with self.transaction():
            self._db.execute("UPDATE log SET sealed = 1")

    def _chosen(self, query: str, ids: Iterable[str]) -> list[tuple[Any, ...]]:
        with self._told():
            chosen = f"{query} (SELECT value FROM json_each(?))"
            return self._db.execute(chosen, (json.dumps(list(ids)),)).fetchall()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns SQLite's errors into messages."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise EventLogError(f"cannot use the event log {self.path}: {error}") from error
        except sqlite3.DatabaseError as error:
            raise EventLogError(
                f"{self.path} is damaged or no event log ({error}); move it away, restore it from a backup"
            ) from error
        except OSError as error:
            raise EventLogError(f"cannot use the event log {self.path}: {error.strerror}") from error
