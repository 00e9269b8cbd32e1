"""Asks the ranking models for what TFX's Evaluator judges."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, TransformGraph

from serving.artifacts import ServingBundle


@component
def RankingPredictor(  # noqa: N802  (a TFX component)
    bundle: InputArtifact[ServingBundle],
    interactions: InputArtifact[Examples],
    interactions_graph: InputArtifact[TransformGraph],
    items: InputArtifact[Examples],
    predictions: OutputArtifact[Examples],
    candidate: OutputArtifact[Model],
    baseline: OutputArtifact[Model],
    settings: Parameter[str],
    evaluation: Parameter[str],
    seed: Parameter[int],
    code: Parameter[str],
    previous: InputArtifact[ServingBundle] = None,
) -> None:
    """Writes answers and labels of the judged test interactions; see :func:`write_predictions`.

    `interactions` and `items` are raw examples, `previous` is the bundle that was blessed before; `settings`
    is a :class:`BundleSettings`, `evaluation` an :class:`EvaluationConfig`, as JSON; `code` a digest of the
    code.
    `candidate` and `baseline` only say whose answers they are: the Evaluator compares with a baseline if it
    is handed two models, and loads neither.
    """
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils

    from pipeline.config.evaluation import EvaluationConfig
    from pipeline.splits import TEST
    from serving.bundle_settings import BundleSettings
    from serving.previous_bundle import bundle_folder
    from serving.ranking_evaluation.write_predictions import write_predictions

    write_predictions(
        bundle.uri,
        bundle_folder(previous),
        interactions.uri,
        interactions_graph.uri,
        items.uri,
        BundleSettings.model_validate_json(settings),
        EvaluationConfig.model_validate_json(evaluation),
        seed,
        predictions.uri,
    )
    predictions.split_names = artifact_utils.encode_split_names([TEST])
    examples_utils.set_payload_format(predictions, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(predictions, "tfrecords_gzip")
