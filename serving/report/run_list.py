"""The runs that came to a verdict, of every pipeline in a folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.config.run import METADATA_FILE
from pipeline.errors import InputError
from pipeline.metadata_records import PipelineRun, read_pipeline_runs
from serving.evaluation_record import Evaluation
from serving.layout import RECOMMENDER
from serving.overall_figures import overall_lists, overall_ranking
from serving.report.blocks import MissingError
from serving.report.run_files import read_record

_EVALUATOR = "BundleEvaluator"


@dataclass(frozen=True)
class JudgedRun:
    """A run, and what was measured of its bundle.

    Attributes:
      name: `PIPELINE/NUMBER`; the number is the evaluation's in ML Metadata.
      began: When it began.
      seconds: From the first step's begin to the last one's end.
      record: What was measured; `None` where it was removed, or is of another form.
    """

    name: str
    began: datetime
    seconds: float
    record: Evaluation | None

    @property
    def verdict(self) -> str:
        """`blessed`, `refused`, or `unknown`."""
        if self.record is None:
            return "unknown"
        return "blessed" if self.record.blessed else "refused"

    @property
    def figures(self) -> dict[str, float]:
        """The overall figures: the recommender's lists by their metrics' names, a task's as `TASK/METRIC`."""
        if self.record is None:
            return {}
        lists = overall_lists(self.record)
        figures = (
            {name: of.value for name, of in lists[RECOMMENDER].metrics.items()}
            if RECOMMENDER in lists
            else {}
        )
        for task, ranking in overall_ranking(self.record).items():
            figures |= {f"{task}/{name}": of.value for name, of in ranking.metrics.items()}
        return figures


def find_runs(output: Path) -> list[JudgedRun]:
    """All judged runs in a folder of pipelines' folders, the oldest first.

    Args:
      output: What configurations name as `output`.

    Raises:
      InputError: It is no folder, or holds no judged run.
    """
    if not output.is_dir():
        raise InputError(f"{output} is no folder; name the configurations' `output` by --output")
    found = [run for path in sorted(output.glob(f"*/{METADATA_FILE}")) for run in _judged(path)]
    if not found:
        raise InputError(
            f"no judged run stands in {output}; make one with `recstack run`, or name another folder by "
            "--output"
        )
    return sorted(found, key=lambda run: run.began)


def named_run(runs: list[JudgedRun], name: str) -> JudgedRun:
    """A run by its name; by a pipeline's name, the newest of its runs.

    Raises:
      InputError: There is no such run.
    """
    matching = [run for run in runs if name in (run.name, run.name.partition("/")[0])]
    if not matching:
        there = ", ".join(run.name for run in runs)
        raise InputError(f"there is no judged run '{name}'; there are {there}")
    return matching[-1]


def _judged(metadata_file: Path) -> Iterator[JudgedRun]:
    """The judged runs of one pipeline; what only reused an older verdict is none."""
    try:
        runs = read_pipeline_runs(metadata_file)
    except sqlite3.Error:
        return  # being made, or no database of ML Metadata
    for run in runs:
        evaluator = run.execution(_EVALUATOR)
        if evaluator is not None and evaluator.state == "complete":
            yield _judged_run(metadata_file.parent, run, evaluator.number)


def _judged_run(run_dir: Path, run: PipelineRun, number: int) -> JudgedRun:
    folder = run.output(_EVALUATOR, "bundle_evaluation")
    try:
        record = read_record(run_dir / (folder or ""))
    except MissingError:
        record = None
    began = min(execution.started for execution in run.executions)
    ended = max(execution.ended for execution in run.executions)
    return JudgedRun(f"{run_dir.name}/{number}", began, (ended - began).total_seconds(), record)
