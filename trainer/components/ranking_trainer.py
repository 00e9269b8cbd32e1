"""Trains the multi-task ranking model."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelRun, TransformGraph

from trainer.settings import RankingSettings
from trainer.streams import TransformedStream


@component
def RankingTrainer(  # noqa: N802  (a TFX component)
    interactions: InputArtifact[Examples],
    interactions_graph: InputArtifact[TransformGraph],
    items: InputArtifact[Examples],
    items_graph: InputArtifact[TransformGraph],
    retrieval: InputArtifact[Model],
    model: OutputArtifact[Model],
    model_run: OutputArtifact[ModelRun],
    settings: Parameter[str],
    code: Parameter[str],
    checkpoint_dir: Parameter[str],
) -> None:
    """Trains and saves; see :func:`trainer.train_ranking.train_ranking`.

    `settings` is a :class:`RankingSettings` as JSON; `code` a digest of the code. Under `checkpoint_dir`
    stands what a training that is killed goes on from.
    """
    from trainer.checkpoints import Checkpoint, checkpoint_folder
    from trainer.distribution import distributed
    from trainer.precision import computing_in
    from trainer.train_ranking import train_ranking

    inputs = (interactions.uri, interactions_graph.uri, items.uri, items_graph.uri, retrieval.uri)
    read = RankingSettings.model_validate_json(settings)
    training = read.training
    with distributed(training.distribution) as distribution, computing_in(training.precision):
        train_ranking(
            TransformedStream(interactions.uri, interactions_graph.uri),
            TransformedStream(items.uri, items_graph.uri),
            retrieval.uri,
            read,
            model_dir=model.uri,
            log_dir=model_run.uri,
            checkpoint=Checkpoint(
                checkpoint_folder(checkpoint_dir, settings, code, *inputs), writes=distribution.is_chief
            ),
            distribution=distribution,
        )
