"""Trains the two-tower retrieval model."""

from tfx import v1 as tfx
from tfx.types.standard_artifacts import Examples, Model, ModelRun, TransformGraph

from trainer.settings import RetrievalSettings
from trainer.streams import TransformedStream


@tfx.dsl.components.component
def RetrievalTrainer(  # noqa: N802  (a TFX component)
    interactions: tfx.dsl.components.InputArtifact[Examples],
    interactions_graph: tfx.dsl.components.InputArtifact[TransformGraph],
    items: tfx.dsl.components.InputArtifact[Examples],
    items_graph: tfx.dsl.components.InputArtifact[TransformGraph],
    model: tfx.dsl.components.OutputArtifact[Model],
    model_run: tfx.dsl.components.OutputArtifact[ModelRun],
    settings: tfx.dsl.components.Parameter[str],
    code: tfx.dsl.components.Parameter[str],
) -> None:
    """Trains and saves; see :func:`trainer.train_retrieval.train_retrieval`.

    `settings` is a :class:`RetrievalSettings` as JSON. `code` is a digest of the code that trains, so
    that changed code is not answered from the cache.
    """
    from trainer.train_retrieval import train_retrieval

    train_retrieval(
        TransformedStream(interactions.uri, interactions_graph.uri),
        TransformedStream(items.uri, items_graph.uri),
        RetrievalSettings.model_validate_json(settings),
        model_dir=model.uri,
        log_dir=model_run.uri,
    )
