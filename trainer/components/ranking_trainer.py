"""Trains the multi-task ranking model."""

from tfx import v1 as tfx
from tfx.types.standard_artifacts import Examples, Model, ModelRun, TransformGraph

from trainer.settings import RankingSettings
from trainer.streams import TransformedStream


@tfx.dsl.components.component
def RankingTrainer(  # noqa: N802  (a TFX component)
    interactions: tfx.dsl.components.InputArtifact[Examples],
    interactions_graph: tfx.dsl.components.InputArtifact[TransformGraph],
    items: tfx.dsl.components.InputArtifact[Examples],
    items_graph: tfx.dsl.components.InputArtifact[TransformGraph],
    retrieval: tfx.dsl.components.InputArtifact[Model],
    model: tfx.dsl.components.OutputArtifact[Model],
    model_run: tfx.dsl.components.OutputArtifact[ModelRun],
    settings: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
) -> None:
    """Trains and saves; see :func:`trainer.train_ranking.train_ranking`.

    `settings` is a :class:`RankingSettings` as JSON; `code` a digest of the code.
    """
    from trainer.train_ranking import train_ranking

    train_ranking(
        TransformedStream(interactions.uri, interactions_graph.uri),
        TransformedStream(items.uri, items_graph.uri),
        retrieval.uri,
        RankingSettings.model_validate_json(settings),
        model_dir=model.uri,
        log_dir=model_run.uri,
    )
