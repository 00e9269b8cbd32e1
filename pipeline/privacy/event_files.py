"""The gateway's events in a run's folder, as erasure sees them."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.files import PARTIAL_SUFFIX
from pipeline.privacy.database_rows import database_of, remove_database_rows
from pipeline.privacy.person import Person
from pipeline.privacy.person_rows import remove_rows
from pipeline.privacy.traces import holds_person

# Held by whoever writes spans, or takes somebody out of them.
LOCK_FILE = "events.lock"


def clear_partial_spans(events: Path) -> None:
    """Removes spans that were never finished.

    Raises:
      OSError: One cannot be removed.
    """
    for path in events.glob(f"*/.*{PARTIAL_SUFFIX}"):
        shutil.rmtree(path)


def erase_from_events(events: Path, person: Person) -> int:
    """Takes a person out of the log's databases and of the spans; how many rows they were.

    Args:
      events: The folder of both.
      person: The person.

    Raises:
      InputError: A span is damaged.
      OSError: A file cannot be read or written.
    """
    clear_partial_spans(events)
    paths = sorted(path for path in events.rglob("*") if path.is_file())
    held = [path for path in paths if holds_person(path, person)]
    tables = [path for path in held if path.suffix == ".parquet"]
    databases = {database for path in held if (database := database_of(path)) is not None}
    removed = sum(remove_rows(path, person) for path in tables)
    return removed + sum(remove_database_rows(path, person) for path in sorted(databases))
