"""The few figures by which versions are told apart."""

from __future__ import annotations

import math
from typing import TypeVar

from serving.evaluation_record import ALL, OVERALL, Evaluation

_RECOMMENDERS = ("recommender", "retrieval")  # ours; the others are what they are compared with
_Figures = TypeVar("_Figures")


def overall_figures(evaluation: Evaluation) -> dict[str, float]:
    """What an evaluation found over everything, for a version's manifest.

    Args:
      evaluation: The whole.

    Returns:
      `recommender/METRIC` and `retrieval/METRIC`, `ranking/TASK/METRIC`, and, of the index that was
      chosen, `index/recall_at_10` and `index/milliseconds_per_query`. Figures that are no numbers are left
      out, since JSON has none for them.
    """
    figures: dict[str, float] = {}
    for name in _RECOMMENDERS:
        for lists in _overall(evaluation.lists.get(name)):
            figures |= {f"{name}/{metric}": figure.value for metric, figure in lists.metrics.items()}
    for task, slices in evaluation.ranking.items():
        for ranking in _overall(slices):
            figures |= {
                f"ranking/{task}/{metric}": figure.value for metric, figure in ranking.metrics.items()
            }
    for measured in evaluation.index.measured:
        if measured.kind == evaluation.index.chosen:
            figures["index/recall_at_10"] = measured.recall_at_10
            figures["index/milliseconds_per_query"] = measured.milliseconds_per_query
    return {name: figure for name, figure in figures.items() if math.isfinite(figure)}


def _overall(slices: dict[str, dict[str, _Figures]] | None) -> list[_Figures]:
    """The figures of the slice of everything, if there is one."""
    overall = (slices or {}).get(OVERALL, {})
    return [overall[ALL]] if ALL in overall else []
