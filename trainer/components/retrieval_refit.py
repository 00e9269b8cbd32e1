"""Trains the two-tower retrieval model anew, on the eval split as well."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelRun, TransformGraph

from trainer.settings import RetrievalSettings
from trainer.streams import TransformedStream


@component
def RetrievalRefit(  # noqa: N802  (a TFX component)
    interactions: InputArtifact[Examples],
    interactions_graph: InputArtifact[TransformGraph],
    items: InputArtifact[Examples],
    items_graph: InputArtifact[TransformGraph],
    rehearsal: InputArtifact[Model],
    model: OutputArtifact[Model],
    model_run: OutputArtifact[ModelRun],
    settings: Parameter[str],
    code: Parameter[str],
    checkpoint_dir: Parameter[str],
) -> None:
    """Trains and saves; see :func:`trainer.train_retrieval.train_retrieval`.

    `rehearsal` is the model that was trained on the training split alone, and says how long to train. The
    rest is as in :mod:`trainer.components.retrieval_trainer`.
    """
    from trainer.checkpoints import Checkpoint, checkpoint_folder
    from trainer.distribution import distributed
    from trainer.precision import computing_in
    from trainer.train_retrieval import train_retrieval

    inputs = (interactions.uri, interactions_graph.uri, items.uri, items_graph.uri, rehearsal.uri)
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
            rehearsal_dir=rehearsal.uri,
            distribution=distribution,
        )
