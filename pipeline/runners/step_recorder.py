"""Takes down what became of each step."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

from pipeline.privacy.lineage import ARTIFACTS
from pipeline.runners.steps import Step, StepListener
from pipeline.step_record import StepFigures, StepRecord

_EVALUATION = "bundle_evaluation"


class StepRecorder(StepListener):
    """A listener that writes a record, after each step anew, and tells another listener everything.

    So a run that ends early leaves a record of the steps before.
    """

    def __init__(self, listener: StepListener, folder: Path):
        """Writes nothing yet.

        Args:
          listener: Is told whatever the recorder is told.
          folder: Gets the record.
        """
        self._listener = listener
        self._folder = folder
        self._record = StepRecord(started=datetime.now(timezone.utc))

    def planned(self, node_ids: list[str]) -> None:
        """See :class:`StepListener`."""
        self._update(planned=tuple(node_ids))
        self._listener.planned(node_ids)

    def started(self, node_id: str) -> None:
        """See :class:`StepListener`."""
        self._listener.started(node_id)

    def finished(self, step: Step) -> None:
        """See :class:`StepListener`."""
        figures = StepFigures(
            node_id=step.node_id,
            seconds=step.seconds,
            reused=step.reused,
            peak_rss_bytes=step.peak_rss_bytes,
        )
        evaluation = step.outputs.get(_EVALUATION)
        self._update(
            steps=(*self._record.steps, figures),
            evaluation=_in_artifacts(evaluation) if evaluation else self._record.evaluation,
        )
        self._listener.finished(step)

    def _update(self, **changes: object) -> None:
        """Changes the record, and writes it."""
        self._record = self._record.model_copy(update=changes)
        self._record.write(self._folder)


def _in_artifacts(folder: str) -> str:
    """An artifact's folder from its last `artifacts` on, so that the run's folder may move."""
    parts = PurePosixPath(folder).parts
    start = len(parts) - 1 - parts[::-1].index(ARTIFACTS) if ARTIFACTS in parts else 0
    return PurePosixPath(*parts[start:]).as_posix()
