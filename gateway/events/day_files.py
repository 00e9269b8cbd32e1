"""The files of a log's folder: one a UTC day."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

from gateway.events.event_log import EventLogError

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.sqlite")
_SIDE_FILES = ("-wal", "-shm")


def day_files(folder: Path) -> dict[date, Path]:
    """The files of a folder by day, the oldest first; anything else in it is left alone.

    Raises:
      EventLogError: The folder cannot be read.
    """
    try:
        matches = [_NAME.fullmatch(name) for name in sorted(os.listdir(folder))]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise EventLogError(f"cannot read the event log {folder}: {error.strerror}") from error
    return {date.fromisoformat(found[1]): folder / found[0] for found in matches if found}


def remove_day(path: Path) -> None:
    """Removes a day's file, and what SQLite keeps beside it.

    Raises:
      EventLogError: It cannot be removed.
    """
    try:
        for suffix in (*_SIDE_FILES, ""):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise EventLogError(f"cannot remove {path}: {error.strerror}") from error
