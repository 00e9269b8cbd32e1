"""Where a report finds what a run left."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.config.run import DATA_DIR
from pipeline.errors import BundleError, InputError
from pipeline.metadata_records import PipelineRun, read_pipeline_runs
from pipeline.privacy.spans import SUMMARY_FILE
from pipeline.step_record import StepRecord, read_step_records
from serving.evaluation_record import Evaluation
from serving.gate import EVALUATION_FILE
from serving.manifest import Manifest, read_manifest
from serving.report.blocks import MissingError

_TUNER = "Tuner"  # in the id of a step: a search is no run


@dataclass(frozen=True)
class RunFiles:
    """The newest run in a folder, and what it left there.

    Attributes:
      name: The pipeline's.
      seed: Of every draw of the report.
      run_dir: The folder.
      run: What ML Metadata has of it.
      steps: Its record, or `None` where none was kept.
    """

    name: str
    seed: int
    run_dir: Path
    run: PipelineRun
    steps: StepRecord | None = None

    @classmethod
    def newest(cls, name: str, seed: int, run_dir: Path, metadata_file: Path, steps_dir: Path) -> RunFiles:
        """The newest run in a folder; searches for hyperparameters are none.

        Raises:
          InputError: There is none.
        """
        try:
            runs = read_pipeline_runs(metadata_file)
        except sqlite3.Error as error:
            raise InputError(
                f"no run stands in {run_dir}; make one with `recstack run`, or name another --config"
            ) from error
        own = [run for run in runs if not any(_TUNER in e.node_id for e in run.executions)]
        if not own:
            raise InputError(f"no run stands in {run_dir}; make one with `recstack run`")
        before = [run.name for run in runs if run.name < own[-1].name]
        steps = _record_of(own[-1].name, before[-1] if before else "", read_step_records(steps_dir))
        return cls(name, seed, run_dir, own[-1], steps)

    def folder(self, node_id: str, output: str) -> Path:
        """Folder of a step's output.

        Raises:
          MissingError: The run did not come to that step, or its output was removed.
        """
        found = self.run.output(node_id, output)
        if found is None:
            raise MissingError(f"The run did not come to the step {node_id}.")
        folder = self.run_dir / found
        if not folder.is_dir():
            raise MissingError(f"What the step {node_id} made was removed.")
        return folder

    @cached_property
    def evaluation(self) -> Evaluation:
        """What was measured of the bundle.

        Raises:
          MissingError: It was not judged, or by an older version of this program.
        """
        return read_record(self.folder("BundleEvaluator", "bundle_evaluation"))

    @cached_property
    def bundle(self) -> Path:
        """The bundle as it was judged, whether it was pushed or not.

        Raises:
          MissingError: There is none.
        """
        return self.folder("Bundler", "bundle")

    @cached_property
    def manifest(self) -> Manifest:
        """The bundle's.

        Raises:
          MissingError: There is none that this program reads.
        """
        try:
            return read_manifest(self.bundle)
        except BundleError as error:
            raise MissingError(f"The bundle cannot be read: {error}.") from error

    @cached_property
    def data_dir(self) -> Path:
        """Folder of the prepared data.

        Raises:
          MissingError: They were removed.
        """
        generator = self.run.execution("interactions.ExampleGen")
        if generator is None:
            raise MissingError("The run did not come to its data.")
        folder = self.run_dir / DATA_DIR / Path(generator.parameters["input_base"]).parent.name
        if not (folder / SUMMARY_FILE).is_file():
            raise MissingError("The prepared data of the run were removed.")
        return folder

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Counts of the prepared data, and what was rejected.

        Raises:
          MissingError: They were removed.
        """
        return json.loads((self.data_dir / SUMMARY_FILE).read_text(encoding="utf-8"))


def _record_of(run: str, before: str, records: list[StepRecord]) -> StepRecord | None:
    """The record of a run: it was begun a moment before the run, and after the run before that."""
    began = [record for record in records if before < record.started.isoformat() <= run]
    return began[-1] if began else None


def read_record(folder: Path) -> Evaluation:
    """An evaluation.

    Args:
      folder: Of the artifact.

    Raises:
      MissingError: It is not there, or of another format.
    """
    try:
        return Evaluation.model_validate_json((folder / EVALUATION_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingError("The bundle's evaluation was removed.") from error
    except ValidationError as error:
        raise MissingError(
            "The evaluation has another form than this version of the program reads; run again."
        ) from error
