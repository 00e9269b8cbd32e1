"""Builds the index over the candidates."""

from tfx import v1 as tfx
from tfx.types.standard_artifacts import Examples, Model, TransformGraph

from pipeline.config.training import IndexConfig
from serving.artifacts import CandidateIndex
from serving.index_builder import build_and_measure
from trainer.streams import TransformedStream


@tfx.dsl.components.component
def Indexer(  # noqa: N802  (a TFX component)
    retrieval: tfx.dsl.components.InputArtifact[Model],
    interactions: tfx.dsl.components.InputArtifact[Examples],
    interactions_graph: tfx.dsl.components.InputArtifact[TransformGraph],
    index: tfx.dsl.components.OutputArtifact[CandidateIndex],
    settings: tfx.dsl.components.Parameter[str],
    seed: tfx.dsl.components.Parameter[int],
    code: tfx.dsl.components.Parameter[str],
) -> None:
    """Builds, measures and saves; see :func:`serving.index_builder.build_and_measure`.

    `settings` is an :class:`IndexConfig` as JSON; `code` a digest of the code.
    """
    build_and_measure(
        retrieval.uri,
        TransformedStream(interactions.uri, interactions_graph.uri),
        IndexConfig.model_validate_json(settings),
        seed,
        index.uri,
    )
