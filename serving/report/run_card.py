"""Fills a model card from what a run left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

from pipeline.config.run import RunConfig
from pipeline.splits import EVAL, TEST, TRAIN
from serving.evaluation_record import ALL, OVERALL, Bounded, Evaluation
from serving.layout import RECOMMENDER
from serving.manifest import Manifest
from serving.overall_figures import overall_lists
from serving.report.considerations import considerations
from serving.report.model_card import (
    ConfidenceInterval,
    Dataset,
    ModelCard,
    ModelDetails,
    ModelParameters,
    PerformanceMetric,
    QuantitativeAnalysis,
    Reference,
    Version,
)
from serving.report.run_files import RunFiles

_REFERENCES = (
    "Yi et al., Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations, RecSys 2019",
    "Guo et al., Accelerating Large-Scale Inference with Anisotropic Vector Quantization, ICML 2020",
    "Mitchell et al., Model Cards for Model Reporting, FAT* 2019",
)


def run_card(run: RunFiles, config: RunConfig) -> ModelCard:
    """The card of the bundle that a run made, blessed or not.

    Args:
      run: The run.
      config: Its configuration.

    Raises:
      MissingError: The run did not come to a verdict.
    """
    record, manifest, summary = run.evaluation, run.manifest, run.summary
    return ModelCard(
        model_details=_details(run, config, record, manifest, summary),
        model_parameters=_parameters(run, config, manifest, summary),
        quantitative_analysis=QuantitativeAnalysis(performance_metrics=tuple(_metrics(record))),
        considerations=considerations(config, record, manifest, summary),
    )


def _details(
    run: RunFiles, config: RunConfig, record: Evaluation, manifest: Manifest, summary: dict[str, Any]
) -> ModelDetails:
    verdict = "blessed" if record.blessed else f"refused ({'; '.join(record.reasons)})"
    overview = (
        f"Recommends the {summary['items']:,} items of {config.name} to its {summary['users']:,} users: "
        f"a two-tower retrieval model over a {manifest.index} index, other sources of candidates, "
        f"{len(manifest.tasks)} ranking tasks and their fusion, in one bundle. The verdict: {verdict}."
    )
    return ModelDetails(
        name=config.name,
        overview=overview,
        documentation=f"report.html beside this card; TensorFlow {manifest.versions['tensorflow']}",
        version=Version(name=manifest.digest[:12], date=run.run.name[:19], diff=_difference(record)),
        references=tuple(Reference(reference=text) for text in _REFERENCES),
    )


def _difference(record: Evaluation) -> str:
    """How the recommender's figures moved since the last version."""
    figures = overall_lists(record)
    if record.previous is None or not {RECOMMENDER, "previous"} <= set(figures):
        return "There is no version before to compare with."
    before = figures["previous"].metrics
    parts = [
        f"{name} {figure.value - before[name].value:+.4f}"
        for name, figure in figures[RECOMMENDER].metrics.items()
        if name in before
    ]
    return f"Against version {record.previous}, on the same requests: {', '.join(parts)}."


def _parameters(
    run: RunFiles, config: RunConfig, manifest: Manifest, summary: dict[str, Any]
) -> ModelParameters:
    retrieval, ranking = config.retrieval, config.ranking
    sources = ", ".join(source.source_name for source in config.collaborative.sources) or "none"
    tasks = ", ".join(f"{name} ({kind})" for name, kind in manifest.tasks.items())
    architecture = (
        f"Retrieval: query and candidate towers with hidden layers {list(retrieval.hidden_dims)} into "
        f"{manifest.embedding_dim} dimensions, a history encoder of kind "
        f"{retrieval.history_encoder.kind} over {config.features.history_length} interactions, text tower "
        f"weights '{config.text.weights}'. Other sources: {sources}. Ranking: hidden layers "
        f"{list(ranking.hidden_dims)}, tasks {tasks}. Search: {manifest.index}, "
        f"{config.index.retrieved} candidates."
    )
    signatures = "; ".join(f"{model}: {', '.join(of)}" for model, of in manifest.signatures.items())
    return ModelParameters(
        model_architecture=architecture,
        data=tuple(_datasets(config, summary, manifest)),
        input_format=f"Signatures of the SavedModels: {signatures}. Requests are user ids with a moment, or "
        "serialized tf.Examples of a user's attributes and history.",
        output_format="Item ids, titles, retrieval scores and a score for each ranking task, the best first.",
    )


def _datasets(config: RunConfig, summary: dict[str, Any], manifest: Manifest) -> Iterator[Dataset]:
    """One a split."""
    purposes = {TRAIN: "learnt from", EVAL: "chooses epochs and fusion", TEST: "judges the bundle"}
    if config.training.refit:
        purposes[EVAL] = "chooses epochs and fusion, then learnt from as well"
    ends = (manifest.data_span.first, manifest.data_span.last)
    span = " to ".join(f"{datetime.fromtimestamp(end, timezone.utc):%Y-%m-%d}" for end in ends)
    for split, counts in summary["splits"].items():
        description = (
            f"{purposes.get(split, 'kept')}: {counts['interactions']:,} interactions of {counts['users']:,} "
            f"users with {counts['items']:,} items, split by time; all data are of {span}"
        )
        yield Dataset(name=f"{config.data.source}, {split}", description=description)


def _metrics(record: Evaluation) -> Iterator[PerformanceMetric]:
    """The bundle's own figures, overall and of each slice."""
    for feature, slices in record.lists.get(RECOMMENDER, {}).items():
        for value, lists in slices.items():
            for name, figure in lists.metrics.items():
                yield _metric(f"lists/{name}", figure, feature, value)
    for task, features in record.ranking.items():
        for feature, of_value in features.items():
            for value, ranking in of_value.items():
                for name, figure in ranking.metrics.items():
                    yield _metric(f"{task}/{name}", figure, feature, value)
    for measured in record.index.measured:
        if measured.kind == record.index.chosen:
            yield _metric("index/recall@10", Bounded(value=measured.recall_at_10), OVERALL, ALL)


def _metric(kind: str, figure: Bounded, feature: str, value: str) -> PerformanceMetric:
    interval = None
    if figure.low is not None and figure.high is not None:
        interval = ConfidenceInterval(lower_bound=f"{figure.low:.6g}", upper_bound=f"{figure.high:.6g}")
    return PerformanceMetric(
        type=kind,
        value=f"{figure.value:.6g}",
        slice="" if feature == OVERALL else f"{feature}={value}",
        confidence_interval=interval,
    )
