"""Searches for hyperparameters of the retrieval model."""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, HyperParameters, TransformGraph, TunerResults

from pipeline.config.tuning import Search
from trainer.settings import RetrievalSettings
from trainer.streams import TransformedStream


@component
def RetrievalTuner(  # noqa: N802  (a TFX component)
    interactions: InputArtifact[Examples],
    interactions_graph: InputArtifact[TransformGraph],
    items: InputArtifact[Examples],
    items_graph: InputArtifact[TransformGraph],
    best_hyperparameters: OutputArtifact[HyperParameters],
    tuner_results: OutputArtifact[TunerResults],
    settings: Parameter[str],
    search: Parameter[str],
    code: Parameter[str],
    tuning_dir: Parameter[str],
    checkpoint_dir: Parameter[str],
) -> None:
    """Runs the trials; see :func:`trainer.tune.tune_retrieval`.

    `settings` is a :class:`RetrievalSettings` and `search` a :class:`Search`, as JSON; `code` a digest of the
    code. Outcomes are kept under `tuning_dir`, and the trial that is trained under `checkpoint_dir`.
    """
    from pathlib import Path

    from trainer.precision import computing_in
    from trainer.search import write_results
    from trainer.train_retrieval import MONITOR
    from trainer.tune import TuningPlaces, tune_retrieval

    inputs = (code, interactions.uri, interactions_graph.uri, items.uri, items_graph.uri)
    read, space = RetrievalSettings.model_validate_json(settings), Search.model_validate_json(search)
    with computing_in(read.training.precision):
        outcomes = tune_retrieval(
            TransformedStream(interactions.uri, interactions_graph.uri),
            TransformedStream(items.uri, items_graph.uri),
            read,
            space,
            TuningPlaces(Path(tuning_dir), checkpoint_dir, inputs),
        )
    write_results(space, outcomes, MONITOR, best_hyperparameters.uri, tuner_results.uri)
