"""Spans: dated folders of interactions, and what each of them is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from pathlib import Path

from pipeline.config.spans import SpansConfig
from pipeline.errors import InputError
from pipeline.splits import TimeBoundaries

_FOLDER = re.compile(r"(?:[A-Za-z_]\w*=)?(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True)
class Span:
    """A day's interactions.

    Attributes:
      day: The day, UTC.
      folder: Holds CSV or Parquet files.
    """

    day: date
    folder: Path

    @property
    def start(self) -> int:
        """The day's first second, since 1970 UTC."""
        return int(datetime.combine(self.day, time(), timezone.utc).timestamp())


@dataclass(frozen=True)
class SpanPlan:
    """The spans of a run.

    Attributes:
      history: Those that only histories reach back to, the oldest first.
      window: Those that are learnt from and tested on, the oldest first.
      examples_from: What happened before this second since 1970 UTC is history only.
      boundaries: Where the splits meet.
    """

    history: tuple[Span, ...]
    window: tuple[Span, ...]
    examples_from: int
    boundaries: TimeBoundaries

    @property
    def read(self) -> tuple[Span, ...]:
        """All spans that are read, the oldest first."""
        return (*self.history, *self.window)

    def to_json(self) -> dict[str, object]:
        """For summaries and digests: the days, and where the splits meet."""
        return {
            "history": [span.day.isoformat() for span in self.history],
            "window": [span.day.isoformat() for span in self.window],
            "eval_start": self.boundaries.eval_start,
            "test_start": self.boundaries.test_start,
        }


def find_spans(root: Path, config: SpansConfig) -> list[Span]:
    """The whole spans of a folder, the oldest first; anything else in it is left alone.

    Raises:
      InputError: The folder cannot be read, or two of its folders are of one day.
    """
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError as error:
        raise InputError(f"cannot read the spans in {root}: {error.strerror}") from error
    spans: dict[date, Span] = {}
    for folder in folders:
        day = _day(folder.name)
        if day is None or (config.marker is not None and not (folder / config.marker).is_file()):
            continue
        if day in spans:
            raise InputError(f"{folder} and {spans[day].folder} are both of {day}; move one away")
        spans[day] = Span(day, folder)
    return [spans[day] for day in sorted(spans)]


def plan_spans(root: Path, config: SpansConfig) -> SpanPlan:
    """Chooses the spans of a run: the newest window, and what its histories reach back to.

    Raises:
      InputError: There are too few spans.
    """
    spans = find_spans(root, config)
    needed = config.eval + config.test + 1
    if len(spans) < needed:
        marked = "" if config.marker is None else f" with a file {config.marker} in them"
        raise InputError(
            f"{root} holds {len(spans)} dated folders (like 2026-11-25){marked}; a run needs {needed}: "
            f"{config.test} to test, {config.eval} to evaluate, and at least one to train"
        )
    first = 0 if config.window is None else max(len(spans) - config.window, 0)
    reach = first if config.history is None else min(config.history, first)
    window = tuple(spans[first:])
    return SpanPlan(
        history=tuple(spans[first - reach : first]),
        window=window,
        examples_from=window[0].start,
        boundaries=TimeBoundaries(window[-needed + 1].start, window[-config.test].start),
    )


def _day(name: str) -> date | None:
    """The day that a folder is named after, if it is named after one."""
    match = _FOLDER.fullmatch(name)
    if match is None:
        return None
    try:
        return date.fromisoformat(match.group(1))
    except ValueError:
        return None
