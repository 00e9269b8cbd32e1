"""Trains the two-tower retrieval model."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelRun, TransformGraph

from trainer.settings import RetrievalSettings
from trainer.streams import TransformedStream


@component
def RetrievalTrainer(  # noqa: N802  (a TFX component)
    interactions: InputArtifact[Examples],
    interactions_graph: InputArtifact[TransformGraph],
    items: InputArtifact[Examples],
    items_graph: InputArtifact[TransformGraph],
    model: OutputArtifact[Model],
    model_run: OutputArtifact[ModelRun],
    settings: Parameter[str],
    code: Parameter[str],
    checkpoint_dir: Parameter[str],
    earlier: InputArtifact[Model] = None,
    earlier_interactions_graph: InputArtifact[TransformGraph] = None,
    earlier_items_graph: InputArtifact[TransformGraph] = None,
) -> None:
    """Trains and saves; see :func:`trainer.train_retrieval.train_retrieval`.

    `settings` is a :class:`RetrievalSettings` as JSON. `code` is a digest of the code that trains, so
    that changed code is not answered from the cache. Under `checkpoint_dir` stands what a training that
    is killed goes on from. `earlier` is the model that this one starts from, with the graphs that hold its
    vocabularies.
    """
    from trainer.checkpoints import Checkpoint, checkpoint_folder
    from trainer.components.earlier_model import earlier_model
    from trainer.distribution import distributed
    from trainer.precision import computing_in
    from trainer.train_retrieval import train_retrieval

    start = earlier_model(earlier, earlier_interactions_graph, earlier_items_graph)
    read_from = (interactions, interactions_graph, items, items_graph, earlier)
    inputs = [artifact.uri for artifact in read_from if artifact is not None]
    read = RetrievalSettings.model_validate_json(settings)
    training = read.training
    with distributed(training.distribution) as distribution, computing_in(training.precision):
        train_retrieval(
            TransformedStream(interactions.uri, interactions_graph.uri),
            TransformedStream(items.uri, items_graph.uri),
            read,
            model_dir=model.uri,
            log_dir=model_run.uri,
            checkpoint=Checkpoint(
                checkpoint_folder(checkpoint_dir, settings, code, *inputs), writes=distribution.is_chief
            ),
            earlier=start,
            distribution=distribution,
        )
