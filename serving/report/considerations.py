"""What a model card says of uses, limits and risks, from the run's own figures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.config.run import RunConfig
from pipeline.splits import TEST, TRAIN
from serving.evaluation_record import OVERALL, Evaluation
from serving.layout import RECOMMENDER
from serving.manifest import Manifest
from serving.report.model_card import (
    Considerations,
    EthicalConsideration,
    Limitation,
    Tradeoff,
    UseCase,
    User,
)

_FEW_REQUESTS = 100


def considerations(
    config: RunConfig, record: Evaluation, manifest: Manifest, summary: dict[str, Any]
) -> Considerations:
    """Uses, limits, trade-offs and risks.

    Args:
      config: The configuration.
      record: What was measured.
      manifest: The bundle's.
      summary: Of the prepared data.
    """
    return Considerations(
        users=(User(description=f"Operators of {config.name}, who serve its users by this bundle."),),
        use_cases=(
            UseCase(description=f"The next item for a user among the {summary['items']:,} of the corpus."),
            *(
                UseCase(description=f"Scores of the task {name}: a {kind}.")
                for name, kind in manifest.tasks.items()
            ),
        ),
        limitations=tuple(Limitation(description=text) for text in _limitations(config, record, summary)),
        tradeoffs=tuple(Tradeoff(description=text) for text in _tradeoffs(record)),
        ethical_considerations=tuple(_risks(manifest, summary)),
    )


def _limitations(config: RunConfig, record: Evaluation, summary: dict[str, Any]) -> Iterator[str]:
    """What the figures do not reach."""
    tested, learnt = (summary["splits"].get(split, {}) for split in (TEST, TRAIN))
    if tested and learnt:
        yield (
            f"Judged by {tested['interactions']:,} logged interactions of {tested['users']:,} users after "
            f"{summary['test_start'][:16]}, never by what people do with the lists it gives."
        )
        yield f"{summary['items'] - learnt['items']:,} items of the corpus have no interaction in training."
    yield from _weakest_slices(record)
    rejected = sum(table["read"] - table["kept"] for table in summary["cleaning"].values())
    yield f"{rejected:,} rows of the source were rejected, and nothing was learnt from them."
    yield f"Of a history, the {config.features.history_length} newest interactions count."


def _weakest_slices(record: Evaluation) -> Iterator[str]:
    """For each slice feature, where the recommender is weakest by its first metric, few requests left out."""
    for feature, slices in record.lists.get(RECOMMENDER, {}).items():
        if feature == OVERALL:
            continue
        enough = {value: of for value, of in slices.items() if of.requests >= _FEW_REQUESTS and of.metrics}
        if len(enough) < 2:
            continue
        name = next(iter(next(iter(enough.values())).metrics))
        weakest = min(enough, key=lambda value: enough[value].metrics[name].value)
        figure = enough[weakest].metrics[name].value
        yield f"By {feature}, lists are weakest for {weakest}: {name} {figure:.4f}."


def _tradeoffs(record: Evaluation) -> Iterator[str]:
    """What the index gives up, and what lists give up for variety."""
    figures = {measured.kind: measured for measured in record.index.measured}
    chosen, exact = figures.get(record.index.chosen), figures.get("exact")
    if chosen is not None and exact is not None and chosen.kind != "exact":
        yield (
            f"The {chosen.kind} index finds {chosen.recall_at_10:.1%} of the exact ten best; a query takes "
            f"{chosen.milliseconds_per_query:.2f} ms, and {exact.milliseconds_per_query:.2f} ms exactly."
        )
    else:
        yield "Search is exact: its time grows with the corpus."


def _risks(manifest: Manifest, summary: dict[str, Any]) -> Iterator[EthicalConsideration]:
    """Risks of this run."""
    known = "pseudonyms" if manifest.pseudonym_key is not None else "their ids as the source has them"
    yield EthicalConsideration(
        name="The bundle holds what users did.",
        mitigation_strategy=f"Users are known by {known}; `recstack data erase-user` removes one, and shows "
        "where they are found.",
    )
    yield EthicalConsideration(
        name="What is popular may be recommended yet more.",
        mitigation_strategy="Figures by the item's popularity stand in this card and in the report.",
    )
    attributes = [*summary["layout"]["user_categories"], *summary["layout"]["user_numbers"]]
    enter = f"Of users, {', '.join(attributes)} enter. " if attributes else ""
    yield EthicalConsideration(
        name="Groups of users may be served unequally.",
        mitigation_strategy=f"{enter}Figures of each slice stand beside the overall ones in this card.",
    )
