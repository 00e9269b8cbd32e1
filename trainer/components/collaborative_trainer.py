"""Fits collaborative filtering."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, TransformGraph

from trainer.settings import CollaborativeSettings
from trainer.streams import TransformedStream


@component
def CollaborativeTrainer(  # noqa: N802  (a TFX component)
    interactions: InputArtifact[Examples],
    interactions_graph: InputArtifact[TransformGraph],
    items: InputArtifact[Examples],
    items_graph: InputArtifact[TransformGraph],
    model: OutputArtifact[Model],
    settings: Parameter[str],
    code: Parameter[str],
) -> None:
    """Fits and saves; see :func:`trainer.collaborative.train_collaborative.train_collaborative`.

    `settings` is a :class:`CollaborativeSettings` as JSON. `code` is a digest of the code that fits, so
    that changed code is not answered from the cache.
    """
    from trainer.collaborative.train_collaborative import train_collaborative

    train_collaborative(
        TransformedStream(interactions.uri, interactions_graph.uri),
        TransformedStream(items.uri, items_graph.uri),
        CollaborativeSettings.model_validate_json(settings),
        model_dir=model.uri,
    )
