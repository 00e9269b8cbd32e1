"""Trains the fusion of all sources and tasks into one order."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model


@component
def FusionTrainer(  # noqa: N802  (a TFX component)
    retrieval: InputArtifact[Model],
    collaborative: InputArtifact[Model],
    ranking: InputArtifact[Model],
    interactions: InputArtifact[Examples],
    model: OutputArtifact[Model],
    settings: Parameter[str],
    config: Parameter[str],
    seed: Parameter[int],
    code: Parameter[str],
) -> None:
    """Trains and saves; see :func:`serving.train_fusion.train_fusion`.

    `interactions` are raw examples. `settings` is a :class:`BundleSettings`, `config` a
    :class:`FusionConfig`, as JSON; `code` a digest of the code.
    """
    from pipeline.config.training import FusionConfig
    from serving.bundle_settings import BundleSettings
    from serving.train_fusion import train_fusion

    train_fusion(
        retrieval.uri,
        collaborative.uri,
        ranking.uri,
        interactions.uri,
        BundleSettings.model_validate_json(settings),
        FusionConfig.model_validate_json(config),
        seed,
        model.uri,
    )
