"""What became of each step of a run: how long it took, and how much memory."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import Field, ValidationError

from pipeline.config.base import Frozen
from pipeline.files import replaced

_SUFFIX = ".json"


class StepFigures(Frozen):
    """A finished step.

    Attributes:
      node_id: The component's id.
      seconds: How long it took.
      reused: Whether ML Metadata had its result already.
      peak_rss_bytes: Most memory that the process and its children held while it ran, pages that they
        share counted for each of them; `None` where nothing was measured.
    """

    node_id: str
    seconds: float
    reused: bool
    peak_rss_bytes: int | None = None


class StepRecord(Frozen):
    """The steps of a run, as far as it came.

    Attributes:
      started: When the run began, with its time zone.
      planned: Ids of all steps, in order.
      steps: The finished ones, in order.
      evaluation: Folder of the evaluation, from `artifacts` on, once there is one.
    """

    started: datetime
    planned: tuple[str, ...] = ()
    steps: tuple[StepFigures, ...] = Field(default=())
    evaluation: str | None = None

    @property
    def seconds(self) -> float:
        """How long the steps took together."""
        return sum(step.seconds for step in self.steps)

    @property
    def is_whole(self) -> bool:
        """Whether every planned step was finished."""
        return len(self.steps) == len(self.planned)

    def write(self, folder: Path) -> None:
        """Writes the record into a folder of records, in place of what it was before.

        Raises:
          OSError: It cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with replaced(folder / f"{self.started:%Y%m%dT%H%M%S%f}{_SUFFIX}") as file:
            file.write(self.model_dump_json(indent=2).encode())


def read_step_records(folder: Path) -> list[StepRecord]:
    """The records in a folder, the oldest first; what is no record is left out."""
    records = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            records.append(StepRecord.model_validate_json(path.read_text(encoding="utf-8")))
        except (ValidationError, UnicodeDecodeError):
            continue
    return sorted(records, key=lambda record: record.started)
