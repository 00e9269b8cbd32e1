"""Judges a bundle, and blesses it or not."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import (
    Examples,
    Model,
    ModelBlessing,
    ModelEvaluation,
    TransformGraph,
)

from serving.artifacts import BundleEvaluation, CandidateIndex, ServingBundle


@component
def BundleEvaluator(  # noqa: N802  (a TFX component)
    bundle: InputArtifact[ServingBundle],
    index: InputArtifact[CandidateIndex],
    retrieval: InputArtifact[Model],
    ranking: InputArtifact[Model],
    interactions: InputArtifact[Examples],
    transformed: InputArtifact[Examples],
    interactions_graph: InputArtifact[TransformGraph],
    items: InputArtifact[Examples],
    predictions: InputArtifact[Examples],
    ranking_evaluation: InputArtifact[ModelEvaluation],
    bundle_evaluation: OutputArtifact[BundleEvaluation],
    bundle_blessing: OutputArtifact[ModelBlessing],
    settings: Parameter[str],
    evaluation: Parameter[str],
    gate: Parameter[str],
    served: Parameter[str],
    seed: Parameter[int],
    code: Parameter[str],
    previous: InputArtifact[ServingBundle] = None,
) -> None:
    """Measures the bundle, the baselines and the last bundle, and lets the gate decide.

    `interactions` and `items` are raw examples, `transformed` what Transform made of the interactions;
    `ranking_evaluation` is TFMA's of `predictions`; `previous` is the bundle that was blessed before.
    `settings` is a :class:`BundleSettings`, `evaluation` an :class:`EvaluationConfig`, `gate` a
    :class:`GateConfig`, as JSON; `served` is the folder that is pushed to, `code` a digest of the code.
    """
    from pipeline.config.evaluation import EvaluationConfig
    from pipeline.config.gate import GateConfig
    from serving.bundle_settings import BundleSettings
    from serving.evaluate_bundle import EvaluationInputs, evaluate_bundle
    from serving.gate import write_verdict
    from serving.previous_bundle import BLESSED, BUNDLE_ID, bundle_folder

    inputs = EvaluationInputs(
        bundle=bundle.uri,
        index=index.uri,
        retrieval=retrieval.uri,
        ranking=ranking.uri,
        interactions=interactions.uri,
        transformed=transformed.uri,
        graph=interactions_graph.uri,
        items=items.uri,
        predictions=predictions.uri,
        ranking_evaluation=ranking_evaluation.uri,
        previous=bundle_folder(previous),
        served=served,
    )
    judged = evaluate_bundle(
        inputs,
        BundleSettings.model_validate_json(settings),
        EvaluationConfig.model_validate_json(evaluation),
        GateConfig.model_validate_json(gate),
        seed,
    )
    write_verdict(judged, bundle_evaluation.uri, bundle_blessing.uri)
    bundle_blessing.set_int_custom_property(BLESSED, int(judged.blessed))
    bundle_blessing.set_int_custom_property(BUNDLE_ID, bundle.id)
