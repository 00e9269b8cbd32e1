"""Judges a bundle, and blesses it or not."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, ModelBlessing, TransformGraph

from serving.artifacts import BundleEvaluation, CandidateIndex, ServingBundle


@component
def Evaluator(  # noqa: N802  (a TFX component)
    bundle: InputArtifact[ServingBundle],
    index: InputArtifact[CandidateIndex],
    interactions: InputArtifact[Examples],
    interactions_graph: InputArtifact[TransformGraph],
    evaluation: OutputArtifact[BundleEvaluation],
    blessing: OutputArtifact[ModelBlessing],
    settings: Parameter[str],
    gate: Parameter[str],
    seed: Parameter[int],
    code: Parameter[str],
) -> None:
    """Measures the bundle and the baselines, and lets the gate decide.

    `interactions` are raw examples. `settings` is a :class:`BundleSettings`, `gate` a
    :class:`GateConfig`, as JSON; `code` a digest of the code.
    """
    from pipeline.config.run import GateConfig
    from serving.bundle_settings import BundleSettings
    from serving.evaluation import evaluate_bundle
    from serving.gate import judge, write_verdict

    figures = evaluate_bundle(
        bundle.uri,
        index.uri,
        interactions.uri,
        interactions_graph.uri,
        BundleSettings.model_validate_json(settings),
        seed,
    )
    reasons = judge(figures, GateConfig.model_validate_json(gate))
    write_verdict(figures, reasons, evaluation.uri, blessing.uri)
    blessing.set_int_custom_property("blessed", int(not reasons))
