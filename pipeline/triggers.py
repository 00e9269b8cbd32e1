"""When a run is due, and what the last one was."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from pipeline.errors import InputError
from pipeline.files import replaced


@dataclass(frozen=True)
class LastRun:
    """The last run that came to an end, whatever end that was.

    Attributes:
      newest: The newest span that it had.
      began: When it began.
      exit_code: As a command ends; see :mod:`pipeline.errors`.
    """

    newest: date
    began: datetime
    exit_code: int


def read_last_run(path: Path) -> LastRun | None:
    """The last run; `None` if there was none.

    Raises:
      InputError: The file is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return LastRun(
            date.fromisoformat(content["newest"]),
            datetime.fromisoformat(content["began"]),
            int(content["exit_code"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}, which says what the last run was, cannot be read ({error}); remove it, and the next "
            "span starts a run"
        ) from error


def write_last_run(path: Path, run: LastRun) -> None:
    """Takes a run down."""
    content = {**asdict(run), "newest": run.newest.isoformat(), "began": run.began.isoformat()}
    with replaced(path) as file:
        file.write(json.dumps(content).encode())


def has_news(newest: date, last: LastRun | None) -> bool:
    """Whether there is a span that the last run did not have."""
    return last is None or newest > last.newest


def is_scheduled(last: LastRun | None, now: datetime, every: timedelta) -> bool:
    """Whether the last run began long enough ago, or there was none."""
    return last is None or now - last.began >= every
