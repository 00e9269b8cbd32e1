"""What a tracker is told of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config.run import RunConfig
from serving.evaluation_record import Evaluation
from serving.layout import RECOMMENDER
from serving.overall_figures import overall_lists, overall_ranking

# Not settings of the run: where this machine keeps things, and who is told.
_LEFT_OUT = ("name", "output", "tracking", "privacy", "tuning")


@dataclass(frozen=True)
class TrackedRun:
    """A run.

    Attributes:
      name: Of the run.
      experiment: That it belongs to.
      parameters: Dotted key of each setting to its value, as text.
      figures: The overall figures.
      tags: The pipeline's name, the verdict and the like.
      files: What is kept with them: the report and the model card.
    """

    name: str
    experiment: str
    parameters: dict[str, str]
    figures: dict[str, float]
    tags: dict[str, str]
    files: tuple[Path, ...]


def tracked_run(config: RunConfig, began: str, record: Evaluation, files: tuple[Path, ...]) -> TrackedRun:
    """What is told of a run.

    Args:
      config: Its configuration.
      began: When it began, as ISO text.
      record: What was measured.
      files: What is kept with it.
    """
    settings = config.model_dump(mode="json", exclude=set(_LEFT_OUT))
    return TrackedRun(
        name=f"{config.name} {began[:19]}",
        experiment=config.tracking.experiment or config.name,
        parameters=dict(_flat(settings)),
        figures=dict(_figures(record)),
        tags={"pipeline": config.name, "verdict": "blessed" if record.blessed else "refused"},
        files=files,
    )


def _flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and value of each setting."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)


def _figures(record: Evaluation) -> Iterator[tuple[str, float]]:
    """Overall figures; a tracker's names have no `@`."""
    for recommender, lists in overall_lists(record).items():
        for name, figure in lists.metrics.items():
            prefix = "" if recommender == RECOMMENDER else f"{recommender}/"
            yield f"{prefix}{name}".replace("@", "_at_"), figure.value
    for task, ranking in overall_ranking(record).items():
        for name, figure in ranking.metrics.items():
            yield f"{task}/{name}".replace("@", "_at_"), figure.value
    for measured in record.index.measured:
        yield f"index/{measured.kind}/recall_at_10", measured.recall_at_10
        yield f"index/{measured.kind}/milliseconds_per_query", measured.milliseconds_per_query
