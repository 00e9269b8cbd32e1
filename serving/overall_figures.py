"""The few figures by which versions are told apart."""

from __future__ import annotations

import math

from serving.evaluation_record import ALL, OVERALL, Evaluation, ListFigures, RankingFigures
from serving.layout import RECOMMENDER, RETRIEVAL

_RECOMMENDERS = (RECOMMENDER, RETRIEVAL)  # ours; the others are what they are compared with


def overall_figures(evaluation: Evaluation) -> dict[str, float]:
    """What an evaluation found over everything, for a version's manifest.

    Args:
      evaluation: The whole.

    Returns:
      `recommender/METRIC` and `retrieval/METRIC`, `explanations/METRIC`, `ranking/TASK/METRIC`, and, of the
      index that was chosen, `index/recall_at_10` and `index/milliseconds_per_query`. Figures that are no
      numbers are left out, since JSON has none for them.
    """
    figures: dict[str, float] = {}
    lists = overall_lists(evaluation)
    for name in _RECOMMENDERS:
        if name in lists:
            figures |= {f"{name}/{metric}": figure.value for metric, figure in lists[name].metrics.items()}
    if evaluation.explanations is not None:
        of_reasons = evaluation.explanations.metrics
        figures |= {f"explanations/{metric}": figure.value for metric, figure in of_reasons.items()}
    for task, ranking in overall_ranking(evaluation).items():
        figures |= {f"ranking/{task}/{metric}": figure.value for metric, figure in ranking.metrics.items()}
    for measured in evaluation.index.measured:
        if measured.kind == evaluation.index.chosen:
            figures["index/recall_at_10"] = measured.recall_at_10
            figures["index/milliseconds_per_query"] = measured.milliseconds_per_query
    return {name: figure for name, figure in figures.items() if math.isfinite(figure)}


def overall_lists(record: Evaluation) -> dict[str, ListFigures]:
    """Recommender to its figures over all requests."""
    return {
        name: slices[OVERALL][ALL] for name, slices in record.lists.items() if ALL in slices.get(OVERALL, {})
    }


def overall_ranking(record: Evaluation) -> dict[str, RankingFigures]:
    """Task to its figures over all examples."""
    return {
        task: slices[OVERALL][ALL]
        for task, slices in record.ranking.items()
        if ALL in slices.get(OVERALL, {})
    }
