"""TFX's Evaluator, called as its launcher calls it."""

from pathlib import Path

from tfx.components.evaluator.executor import Executor
from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model, ModelBlessing, ModelEvaluation

from pipeline.config.ranking import TaskConfig
from pipeline.config.ranking_gate import RankingGateConfig
from serving.components.ranking_evaluator import ranking_evaluator
from tests.pipeline.components.examples import BEAM_ARGS


@component
def Predictor(  # noqa: N802  (a TFX component)
    predictions: OutputArtifact[Examples],
    candidate: OutputArtifact[Model],
    baseline: OutputArtifact[Model],
) -> None:
    """Stands before the Evaluator in place of our own step."""


def run_evaluator(
    predictions_dir: Path,
    tasks: tuple[TaskConfig, ...],
    gate: RankingGateConfig,
    slice_features: tuple[str, ...],
    folder: Path,
) -> tuple[str, bool]:
    """Evaluates; the folder of the evaluation, and whether TFX blesses the model."""
    node = ranking_evaluator(Predictor(), tasks, gate, slice_features)
    examples = _artifact(Examples, predictions_dir)
    examples.split_names = artifact_utils.encode_split_names(["test"])
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    evaluation = _artifact(ModelEvaluation, folder / "evaluation")
    blessing = _artifact(ModelBlessing, folder / "blessing")
    context = Executor.Context(beam_pipeline_args=BEAM_ARGS, tmp_dir=str(folder / "tmp"), unique_id="1")
    Executor(context).Do(
        {
            "examples": [examples],
            "model": [_artifact(Model, folder / "candidate")],
            "baseline_model": [_artifact(Model, folder / "previous")],
        },
        {"evaluation": [evaluation], "blessing": [blessing]},
        node.exec_properties,
    )
    return evaluation.uri, bool(blessing.get_int_custom_property("blessed"))


def _artifact(kind: type, folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    artifact = kind()
    artifact.uri = str(folder)
    return artifact
