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
    predictions: OutputArtifact[Examples],
    candidate: OutputArtifact[Model],
    previous: OutputArtifact[Model],
    settings: Parameter[str],
    previous_dir: Parameter[str],
    seed: Parameter[int],
    code: Parameter[str],
) -> None:
    """Writes answers and labels of the judged test interactions; see :func:`predict_ranking`.

    `interactions` are raw examples, `settings` is a :class:`BundleSettings` as JSON, `previous_dir` the
    folder of the last pushed version, empty if there is none; `code` a digest of the code. `candidate` and
    `previous` only say whose answers they are: the Evaluator compares with a baseline if it is handed two
    models, and loads neither.
    """
    from pathlib import Path

    import tensorflow as tf
    import tensorflow_transform as tft
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils

    from pipeline.splits import TEST
    from serving.bundle_settings import BundleSettings
    from serving.judged_interactions import JudgedInteractions
    from serving.layout import RETRIEVAL
    from serving.ranking_evaluation.predictions import predict_ranking

    import scann  # noqa: F401  isort: skip  (registers ScaNN's ops, in case the bundle holds some)

    read = BundleSettings.model_validate_json(settings)
    retrieval = tf.saved_model.load(str(Path(bundle.uri, RETRIEVAL)))
    data = JudgedInteractions(interactions.uri, read, retrieval.retrieval.corpus.item_ids.numpy(), seed)
    answers = predict_ranking(
        data,
        bundle.uri,
        previous_dir or None,
        read.tasks,
        tft.TFTransformOutput(interactions_graph.uri),
        slices={},
    )
    answers.write(predictions.uri)
    predictions.split_names = artifact_utils.encode_split_names([TEST])
    examples_utils.set_payload_format(predictions, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(predictions, "tfrecords_gzip")
    candidate.set_string_custom_property("bundle", bundle.uri)
    previous.set_string_custom_property("bundle", previous_dir)
