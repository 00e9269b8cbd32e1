"""Builds the index over the candidates."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, TransformGraph

from serving.artifacts import CandidateIndex


@component
def Indexer(  # noqa: N802  (a TFX component)
    retrieval: InputArtifact[Model],
    interactions: InputArtifact[Examples],
    interactions_graph: InputArtifact[TransformGraph],
    index: OutputArtifact[CandidateIndex],
    settings: Parameter[str],
    seed: Parameter[int],
    code: Parameter[str],
) -> None:
    """Builds, measures and saves; see :func:`serving.index_builder.build_and_measure`.

    `settings` is an :class:`IndexConfig` as JSON; `code` a digest of the code.
    """
    from pipeline.config.training import IndexConfig
    from serving.index_builder import build_and_measure
    from trainer.streams import TransformedStream

    build_and_measure(
        retrieval.uri,
        TransformedStream(interactions.uri, interactions_graph.uri),
        IndexConfig.model_validate_json(settings),
        seed,
        index.uri,
    )
