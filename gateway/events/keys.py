"""Whose key named the users in a run's events."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from gateway.events.day_file import DayFile
from gateway.events.day_files import day_files
from pipeline.datasets.feedback_spans import feedback_files


def check_event_keys(log: Path, spans: Path, key: str | None) -> None:
    """Refuses to look for somebody in events of another key: not to find them would prove nothing.

    Args:
      log: Folder of the log's databases; it need not be there.
      spans: Folder of the spans; it need not be there.
      key: Fingerprint of the key of the pseudonyms; `None` for raw ids.

    Raises:
      EventLogError: A database is of another key, or damaged.
      InputError: A span is of another key, or cannot be read.
    """
    for path in day_files(log).values():
        with closing(DayFile(path, key)):
            pass
    if spans.is_dir():
        feedback_files(spans, key)
