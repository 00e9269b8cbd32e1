"""`recstack events`."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from rich.table import Table

from gateway.events.day_file import DayFile
from gateway.events.day_files import day_files
from gateway.events.day_writer import remove_old_days
from gateway.events.export import export_days, remove_old_spans
from gateway.events.keys import check_event_keys
from gateway.events.sqlite_log import record_of
from pipeline.config.run import RunConfig
from pipeline.console import out
from pipeline.errors import InputError
from pipeline.locking import exclusive
from pipeline.privacy.event_files import LOCK_FILE, erase_from_events
from pipeline.privacy.person import Person
from pipeline.privacy.policy import stored_key
from pipeline.privacy.secret_files import write_secret
from schemas.event_kinds import EVENT_KINDS


def show(config: RunConfig) -> None:
    """Shows how many events of which kind each day has, and whether it was written out.

    Raises:
      InputError: There is no log.
      EventLogError: It cannot be read.
    """
    key = _fingerprint(config)
    table = Table("day", box=None, header_style="bold")
    for heading in (*EVENT_KINDS, "lists", "users", "written out"):
        table.add_column(heading, justify="right")
    everybody: set[str] = set()
    for day, path in _files(config).items():
        with closing(DayFile(path, key)) as file:
            (kinds, served), users = file.counts(), file.users()
        everybody |= users
        span = config.event_spans_dir / day.isoformat()
        numbers = [
            f"{count:,}" for count in (*(kinds.get(kind, 0) for kind in EVENT_KINDS), served, len(users))
        ]
        table.add_row(day.isoformat(), *numbers, "yes" if span.is_dir() else "no")
    out.print(table)
    out.print(f"users on all days: {len(everybody):,}")


def export(config: RunConfig, today: date | None = None) -> None:
    """Writes the days that are over as spans, and removes what is older than events may be kept.

    Args:
      config: The configuration; `privacy.retention_days` counts back from today.
      today: The UTC day that is not over; by default that of the clock.

    Raises:
      InputError: There is no log.
      EventLogError: The log cannot be read, or the spans cannot be written.
    """
    key, today = _fingerprint(config), today or datetime.now(timezone.utc).date()
    _files(config)
    with exclusive(config.run_dir / LOCK_FILE):
        if config.privacy.retention_days is not None:
            kept_from = today - timedelta(days=config.privacy.retention_days)
            removed = remove_old_days(config.event_log_dir, kept_from)
            removed += remove_old_spans(config.event_spans_dir, kept_from)
            if removed:
                out.print(f"removed: {removed} files and spans of days before {kept_from}")
        written = export_days(config.event_log_dir, config.event_spans_dir, key, today)
    for span in written:
        out.print(f"{span.day}: {span.events:,} events")
    if not written:
        out.print("nothing to write: every day that is over was written out")
    out.print(f"spans: {config.event_spans_dir}")


def export_user(config: RunConfig, user_id: str, output: Path | None) -> None:
    """Gives all that the log has of a user.

    Args:
      config: The configuration.
      user_id: As the source has it.
      output: A new JSON file; `None` shows it.

    Raises:
      InputError: There is no log, or the file is there already.
      EventLogError: The log cannot be read.
    """
    person = _person(config, user_id)
    record = record_of(config.event_log_dir, _fingerprint(config), person.stored)
    text = record.model_dump_json(indent=2)
    if output is None:
        out.print(text, markup=False)
        return
    write_secret(output, f"{text}\n")
    out.print(f"{len(record.events):,} events and {len(record.served):,} lists: {output}")


def erase(config: RunConfig, user_id: str) -> None:
    """Erases a user from the log and its spans.

    Args:
      config: The configuration.
      user_id: As the source has it.

    Raises:
      InputError: There is no log, or it is of another key.
      EventLogError: The log cannot be read.
    """
    person, key = _person(config, user_id), _fingerprint(config)
    try:
        with exclusive(config.run_dir / LOCK_FILE):
            check_event_keys(config.event_log_dir, config.event_spans_dir, key)
            removed = erase_from_events(config.events_dir, person)
    except OSError as error:
        raise InputError(f"cannot erase: {error}; erase again when that is mended") from error
    out.print(f"erased: {removed:,} events and lists; bundles and prepared data may still hold the user")


def _files(config: RunConfig) -> dict[date, Path]:
    """The log's databases, of which there must be one."""
    files = day_files(config.event_log_dir)
    if not files:
        raise InputError(f"there are no events in {config.event_log_dir}: the gateway keeps them there")
    return files


def _person(config: RunConfig, user_id: str) -> Person:
    if not user_id:
        raise InputError("--user is empty")
    _files(config)
    return Person.of(user_id, stored_key(config))


def _fingerprint(config: RunConfig) -> str | None:
    key = stored_key(config)
    return key.fingerprint if key else None
