"""Puts the models and the index into one bundle."""

from tfx import v1 as tfx
from tfx.types.standard_artifacts import Examples, Model

from serving.artifacts import CandidateIndex, ServingBundle


@tfx.dsl.components.component
def Bundler(  # noqa: N802  (a TFX component)
    retrieval: tfx.dsl.components.InputArtifact[Model],
    ranking: tfx.dsl.components.InputArtifact[Model],
    index: tfx.dsl.components.InputArtifact[CandidateIndex],
    interactions: tfx.dsl.components.InputArtifact[Examples],
    bundle: tfx.dsl.components.OutputArtifact[ServingBundle],
    users_file: tfx.dsl.components.Parameter[str],
    settings: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
) -> None:
    """Exports; see :func:`serving.bundle.export_bundle`.

    `interactions` are raw examples. `settings` is a :class:`BundleSettings` as JSON; `code` a digest
    of the code.
    """
    from serving.bundle import export_bundle
    from serving.bundle_settings import BundleSettings

    export_bundle(
        retrieval.uri,
        ranking.uri,
        index.uri,
        interactions.uri,
        users_file,
        BundleSettings.model_validate_json(settings),
        bundle.uri,
    )
