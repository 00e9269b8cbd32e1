"""From lists to the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from serving.evaluation_record import ALL, OVERALL, Bounded, ListFigures
from serving.list_evaluation.bootstrap import bounded_means
from serving.list_evaluation.item_traits import ItemTraits
from serving.list_evaluation.metrics import COVERAGE, coverage, list_metrics
from serving.list_evaluation.slices import Slices

FiguresBySlice = dict[str, dict[str, ListFigures]]


@dataclass(frozen=True)
class JudgedRequests:
    """What is known of the requests when their lists are judged.

    Attributes:
      targets: [R] corpus rows of the relevant items.
      users: [R] integers, whose requests they are.
      profiles: [R] mean information of each user's history; NaN without one.
      slices: Which requests are of which kind.
    """

    targets: np.ndarray
    users: np.ndarray
    profiles: np.ndarray
    slices: Slices


def list_figures(
    lists: Mapping[str, np.ndarray], requests: JudgedRequests, traits: ItemTraits, samples: int, seed: int
) -> dict[str, FiguresBySlice]:
    """The figures of each recommender, of all requests and of each slice.

    Coverage has no bounds: a draw of users holds about 63% of them, and their lists hold fewer items, so that
    its percentiles would lie below the figure. Nor can it be compared between slices of different sizes.

    Args:
      lists: Recommender to [R, 20] lists.
      requests: What was asked.
      traits: The corpus.
      samples: How often users are drawn for the bounds.
      seed: Of the draws, which are the same for all recommenders.
    """
    groups: Slices = {OVERALL: {ALL: np.arange(len(requests.targets))}, **requests.slices}
    keys = [(feature, value) for feature, values in groups.items() for value in values]
    members = [groups[feature][value] for feature, value in keys]
    metrics = {
        name: list_metrics(rows, requests.targets, requests.profiles, traits) for name, rows in lists.items()
    }
    columns = [(name, metric) for name, values in metrics.items() for metric in values]
    means = bounded_means(
        np.column_stack([metrics[name][metric] for name, metric in columns]),
        requests.users,
        members,
        samples,
        seed,
    )
    figures: dict[str, FiguresBySlice] = {name: {feature: {} for feature in groups} for name in lists}
    for place, ((feature, value), rows) in enumerate(zip(keys, members, strict=True)):
        bounded = {
            column: _bounded(means.values[place, i], means.low[place, i], means.high[place, i])
            for i, column in enumerate(columns)
        }
        num_users = len(np.unique(requests.users[rows]))
        for name in lists:
            own = {metric: bounded[name, metric] for metric in metrics[name]}
            own[COVERAGE] = Bounded(value=coverage(lists[name][rows], traits.num_items))
            figures[name][feature][value] = ListFigures(requests=len(rows), users=num_users, metrics=own)
    return figures


def _bounded(value: float, low: float, high: float) -> Bounded:
    if np.isnan(low):
        return Bounded(value=float(value))
    return Bounded(value=float(value), low=float(low), high=float(high))
