"""Days of events that are over, written out as spans that a run can learn from."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.events.day_file import DayFile
from gateway.events.day_files import day_files
from gateway.events.event_log import EventLogError
from gateway.events.served_list import ServedList
from pipeline.config.spans import SpansConfig
from pipeline.datasets.spans import find_spans
from pipeline.files import PARTIAL_SUFFIX
from schemas.features import DWELL_SECONDS, EVENT_TYPE, ITEM_ID, TIMESTAMP, USER_ID, VALUE
from schemas.feedback import (
    ARM,
    EVENT_ID,
    FEEDBACK_SCHEMA,
    KEY_METADATA,
    MODEL_VERSION,
    PROPENSITY,
    RANK,
    REQUEST_ID,
)

SPAN_FILE = "events.parquet"


@dataclass(frozen=True)
class ExportedDay:
    """A day that was written out.

    Attributes:
      day: The UTC day on which the events came in.
      events: How many.
    """

    day: date
    events: int


def export_days(log: Path, spans: Path, key: str | None, today: date) -> list[ExportedDay]:
    """Writes a span, `2026-11-25/events.parquet`, for each day of the log that is over and has none.

    A day is sealed before it is written: what comes late is of the day on which it came, and counts
    where its own time says. A span appears whole, by one rename. Nobody else may export meanwhile.

    Args:
      log: Folder of the log's databases.
      spans: Folder of the spans; it is made if need be.
      key: Fingerprint of the key of the pseudonyms; `None` for raw ids.
      today: The UTC day that is not over.

    Returns:
      What was written, the oldest first; days without events are left out.

    Raises:
      EventLogError: The log cannot be read, or the spans cannot be written.
    """
    written = []
    files = day_files(log)
    for day, path in files.items():
        span = spans / day.isoformat()
        if day >= today or span.exists():
            continue
        with closing(DayFile(path, key)) as file:
            file.seal()
        try:
            events = _write_span(day, files, span, key)
        except OSError as error:
            raise EventLogError(f"cannot write {span}: {error.strerror or error}") from error
        if events:
            written.append(ExportedDay(day, events))
    return written


def remove_old_spans(spans: Path, kept_from: date) -> int:
    """Removes the spans of days before one; how many they were.

    Raises:
      EventLogError: One cannot be removed.
    """
    old = (
        [span for span in find_spans(spans, SpansConfig()) if span.day < kept_from] if spans.is_dir() else []
    )
    for span in old:
        try:
            shutil.rmtree(span.folder)
        except OSError as error:
            raise EventLogError(f"cannot remove {span.folder}: {error.strerror}") from error
    return len(old)


def _write_span(day: date, files: dict[date, Path], span: Path, key: str | None) -> int:
    """Writes a day's span, if it has events; how many."""
    staging = span.with_name(f".{span.name}{PARTIAL_SUFFIX}")
    shutil.rmtree(staging, ignore_errors=True)  # of a process that was killed
    schema = FEEDBACK_SCHEMA.with_metadata({KEY_METADATA: (key or "").encode()})
    # Lists were served on that day or before it.
    served_in = [DayFile(path, key) for other, path in sorted(files.items(), reverse=True) if other <= day]
    events = 0
    try:
        staging.mkdir(parents=True)
        with (staging / SPAN_FILE).open("wb") as output:
            with pq.ParquetWriter(output, schema) as writer:
                for rows in served_in[0].event_rows():
                    lists = _lists({row[REQUEST_ID] for row in rows}, served_in)
                    writer.write_table(pa.Table.from_pylist([_span_row(row, lists) for row in rows], schema))
                    events += len(rows)
            output.flush()
            os.fsync(output.fileno())
        if events:
            staging.rename(span)
        return events
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for file in served_in:
            file.close()


def _lists(request_ids: set[str | None], files: Iterable[DayFile]) -> dict[str, ServedList]:
    """The served lists of some requests, as far as they are known."""
    missing = {request_id for request_id in request_ids if request_id is not None}
    found: dict[str, ServedList] = {}
    for file in files:
        if not missing:
            break
        found |= {served.request_id: served for served in file.served(missing)}
        missing -= found.keys()
    return found


def _span_row(row: dict[str, Any], lists: dict[str, ServedList]) -> dict[str, Any]:
    """An event, with what is known of the list that showed its item."""
    written = {
        USER_ID: row[USER_ID],
        ITEM_ID: row[ITEM_ID],
        TIMESTAMP: row["timestamp_ms"] // 1000,
        EVENT_TYPE: row["kind"],
        VALUE: row[VALUE],
        DWELL_SECONDS: row[DWELL_SECONDS],
        EVENT_ID: row[EVENT_ID],
        REQUEST_ID: row[REQUEST_ID],
        RANK: row[RANK],
    }
    served = lists.get(row[REQUEST_ID] or "")
    if served is None or served.user != row[USER_ID]:  # a caller can name any request
        return written
    written |= {MODEL_VERSION: served.model_version, ARM: served.arm}
    for place, item in enumerate(served.items):
        if item.item_id == row[ITEM_ID]:
            return written | {RANK: place + 1, PROPENSITY: item.propensity}
    return written
