"""Puts the models and the index into one bundle."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, ExampleStatistics, Model, Schema, TransformGraph

from serving.artifacts import CandidateIndex, ServingBundle


@component
def Bundler(  # noqa: N802  (a TFX component)
    retrieval: InputArtifact[Model],
    collaborative: InputArtifact[Model],
    ranking: InputArtifact[Model],
    fusion: InputArtifact[Model],
    index: InputArtifact[CandidateIndex],
    interactions: InputArtifact[Examples],
    items: InputArtifact[Examples],
    interactions_statistics: InputArtifact[ExampleStatistics],
    items_statistics: InputArtifact[ExampleStatistics],
    interactions_schema: InputArtifact[Schema],
    items_schema: InputArtifact[Schema],
    interactions_graph: InputArtifact[TransformGraph],
    items_graph: InputArtifact[TransformGraph],
    bundle: OutputArtifact[ServingBundle],
    users_file: Parameter[str],
    histories_file: Parameter[str],
    settings: Parameter[str],
    code: Parameter[str],
) -> None:
    """Exports; see :func:`serving.bundle.export_bundle`, :func:`serving.statistics.export_statistics` and
    :mod:`serving.data_contract`.

    `interactions` and `items` are raw examples. `settings` is a :class:`BundleSettings` as JSON; `code` a
    digest of the code.
    """
    from serving.bundle import export_bundle
    from serving.bundle_settings import BundleSettings
    from serving.data_contract import export_schema, export_vocabularies
    from serving.statistics import export_statistics

    # Before the rest: the manifest is made last, over all files.
    export_schema(interactions_schema, items_schema, bundle.uri)
    export_vocabularies(interactions_graph, items_graph, bundle.uri)
    export_statistics(interactions_statistics, items_statistics, bundle.uri)
    export_bundle(
        retrieval.uri,
        collaborative.uri,
        ranking.uri,
        fusion.uri,
        index.uri,
        interactions.uri,
        items.uri,
        users_file,
        histories_file,
        BundleSettings.model_validate_json(settings),
        bundle.uri,
    )
