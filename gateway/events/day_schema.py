"""How a day's database is made, and told from any other file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.events.event_log import EventLogError
from pipeline.files import PARTIAL_SUFFIX
from pipeline.locking import exclusive
from pipeline.privacy.pseudonyms import names_by

_APPLICATION_ID = 0x72637665
_VERSION = 1
_LOCK = "log.lock"  # of processes that make a file at the same time
_SCHEMA = f"""
CREATE TABLE log (key TEXT, sealed INTEGER NOT NULL) STRICT;
CREATE TABLE events (
  event_id TEXT PRIMARY KEY NOT NULL, kind TEXT NOT NULL, user_id TEXT NOT NULL, item_id TEXT NOT NULL,
  timestamp_ms INTEGER NOT NULL, request_id TEXT, rank INTEGER, value REAL, dwell_seconds REAL,
  received_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX events_of_user ON events (user_id);
CREATE TABLE served (request_id TEXT PRIMARY KEY NOT NULL, user_id TEXT NOT NULL, list TEXT NOT NULL) STRICT;
CREATE INDEX served_to_user ON served (user_id);
PRAGMA user_version={_VERSION};
PRAGMA application_id={_APPLICATION_ID};
"""


def make_day_file(path: Path, key: str | None) -> None:
    """Makes an empty database, mode 0600, unless the file is there; it appears whole, by one rename.

    Args:
      path: The file.
      key: Fingerprint of the key of the pseudonyms; `None` for raw ids.

    Raises:
      OSError: It cannot be written.
      sqlite3.Error: It cannot be written.
    """
    if path.exists():
        return
    with exclusive(path.with_name(_LOCK)):
        if path.exists():  # another process was quicker
            return
        staging = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
        for left in path.parent.glob(f"{staging.name}*"):  # by a process that was killed
            left.unlink()
        os.close(os.open(staging, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(sqlite3.connect(staging, isolation_level=None)) as database:
            database.executescript(_SCHEMA)
            database.execute("INSERT INTO log (key, sealed) VALUES (?, 0)", (key,))
            database.execute("PRAGMA journal_mode=WAL")
        staging.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_day_file(database: sqlite3.Connection, path: Path, key: str | None) -> None:
    """Refuses what is no event log of this version and key.

    Args:
      database: A connection to the file.
      path: The file, for messages.
      key: See :func:`make_day_file`.

    Raises:
      EventLogError: It is none.
      sqlite3.Error: It cannot be read.
    """
    if database.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
        raise EventLogError(f"{path} is no event log; move it away")
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version != _VERSION:
        raise EventLogError(f"{path} is an event log of version {version}, and this program reads {_VERSION}")
    written = database.execute("SELECT key FROM log").fetchone()[0]
    if written != key:
        raise EventLogError(
            f"{path} holds users by {names_by(written)}, and the configuration has {names_by(key)}; give "
            "the key that it was written with, or move the log away"
        )
