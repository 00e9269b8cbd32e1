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
    """Writes answers and labels of the judged test interactions; see :func:`predict_ranking`.

    `interactions` and `items` are raw examples, `previous` is the bundle that was blessed before; `settings`
    is a :class:`BundleSettings`, `evaluation` an :class:`EvaluationConfig`, as JSON; `code` a digest of the
    code.
    `candidate` and `baseline` only say whose answers they are: the Evaluator compares with a baseline if it
    is handed two models, and loads neither.
    """
    from pathlib import Path

    import numpy as np
    import tensorflow as tf
    import tensorflow_transform as tft
    from tfx.components.util import examples_utils
    from tfx.proto import example_gen_pb2
    from tfx.types import artifact_utils

    from pipeline.config.evaluation import EvaluationConfig
    from pipeline.splits import TEST
    from serving.bundle_settings import BundleSettings
    from serving.evaluate_bundle import comparable
    from serving.judged_interactions import JudgedInteractions
    from serving.layout import RETRIEVAL
    from serving.list_evaluation.attribute_slices import attribute_slices
    from serving.list_evaluation.slices import request_slices, single_values
    from serving.ranking_evaluation.predictions import predict_ranking

    import scann  # noqa: F401  isort: skip  (registers ScaNN's ops, in case the bundle holds some)

    read, config = (
        BundleSettings.model_validate_json(settings),
        EvaluationConfig.model_validate_json(evaluation),
    )
    item_ids = tf.saved_model.load(str(Path(bundle.uri, RETRIEVAL))).retrieval.corpus.item_ids.numpy()
    data = JudgedInteractions(interactions.uri, read, item_ids, seed, learnt=read.learnt)
    everything = np.arange(len(data))
    slices = request_slices(data, everything, config)
    slices |= attribute_slices(data, everything, config.slices, read.feature_set, items.uri)
    before = None if previous is None else comparable(previous.uri, read.pseudonym_key)
    answers = predict_ranking(
        data,
        bundle.uri,
        before,
        read.tasks,
        tft.TFTransformOutput(interactions_graph.uri),
        single_values(slices, len(data)),
    )
    answers.write(predictions.uri)
    predictions.split_names = artifact_utils.encode_split_names([TEST])
    examples_utils.set_payload_format(predictions, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(predictions, "tfrecords_gzip")
