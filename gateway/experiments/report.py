"""What became of an experiment, arm by arm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from gateway.events.served_list import ServedList
from gateway.experiments.outcomes import Outcome
from gateway.experiments.significance import Difference, Ratio, ratio_difference, share_p_value
from gateway.experiments.split import Arm

Verdict = Literal["better", "worse", "no difference shown", "too little to judge", "arms do not compare"]
Count = Literal["lists", "popular", "impression", "click", "like", "purchase", "rating", "dismiss", "stars"]
COUNTS: tuple[Count, ...] = get_args(Count)
_BROKEN_SPLIT = 1e-3


@dataclass(frozen=True)
class Metric:
    """A ratio that arms are compared by.

    Attributes:
      name: Of it.
      above: What is counted.
      below: What it is divided by.
      more_is_better: Whether the canary should have more of it.
    """

    name: str
    above: Count
    below: Count
    more_is_better: bool = True


METRICS = (
    Metric("clicks an impression", "click", "impression"),
    Metric("clicks a list", "click", "lists"),
    Metric("likes a list", "like", "lists"),
    Metric("purchases a list", "purchase", "lists"),
    Metric("ratings a list", "rating", "lists"),
    Metric("mean rating", "stars", "rating"),
    Metric("dismissals a list", "dismiss", "lists", more_is_better=False),
    Metric("popular lists a list", "popular", "lists", more_is_better=False),
)


@dataclass(frozen=True)
class Compared:
    """A metric of both arms.

    Attributes:
      metric: Which.
      difference: Canary less stable.
      verdict: Of the canary; `better` or `worse` only if the interval leaves 0 out and the split was kept.
    """

    metric: Metric
    difference: Difference
    verdict: Verdict


@dataclass(frozen=True)
class ExperimentReport:
    """An experiment.

    Attributes:
      users: By arm.
      counts: By arm, what their users did.
      moved: Users of both arms, who are left out: the share was changed while it ran.
      split_p_value: Chance of as uneven a split of users; NaN without users.
      compared: The metrics that the log has something of.
    """

    users: dict[Arm, int]
    counts: dict[Arm, dict[Count, float]]
    moved: int
    split_p_value: float
    compared: tuple[Compared, ...]

    @property
    def split_is_kept(self) -> bool:
        """Whether the numbers of users fit the share."""
        return not self.split_p_value < _BROKEN_SPLIT


@dataclass
class _User:
    arms: set[str] = field(default_factory=set)
    counts: dict[Count, float] = field(default_factory=lambda: defaultdict(float))


def experiment_report(
    name: str,
    canary_share: float,
    lists: Iterable[ServedList],
    outcomes: Iterable[Outcome],
    level: float = 0.95,
) -> ExperimentReport:
    """Compares the arms of an experiment.

    A user's event counts if it names a list of the experiment that the same user got, and an item of it.

    Args:
      name: Of the experiment.
      canary_share: As it was configured.
      lists: Of the log.
      outcomes: Of the log.
      level: Of the intervals.
    """
    users = _counted(name, lists, outcomes)
    by_arm: dict[Arm, list[_User]] = {
        arm: [user for user in users if user.arms == {arm}] for arm in get_args(Arm)
    }
    sizes = {arm: len(members) for arm, members in by_arm.items()}
    split_p_value = share_p_value(sizes["stable"], sizes["canary"], canary_share)
    compared = [
        _compared(metric, by_arm, level, not split_p_value < _BROKEN_SPLIT)
        for metric in METRICS
        if all(any(user.counts[count] for user in users) for count in (metric.above, metric.below))
    ]
    return ExperimentReport(
        users=sizes,
        counts={
            arm: {count: sum(user.counts[count] for user in members) for count in COUNTS}
            for arm, members in by_arm.items()
        },
        moved=len(users) - sum(sizes.values()),
        split_p_value=split_p_value,
        compared=tuple(compared),
    )


def _counted(name: str, lists: Iterable[ServedList], outcomes: Iterable[Outcome]) -> list[_User]:
    """The users of an experiment, and what they did."""
    users: dict[str, _User] = defaultdict(_User)
    shown: dict[str, tuple[str, frozenset[str]]] = {}
    for served in lists:
        if served.experiment == name and served.arm is not None:
            user = users[served.user]
            user.arms.add(served.arm)
            user.counts["lists"] += 1
            user.counts["popular"] += served.source == "popular"
            shown[served.request_id] = served.user, frozenset(item.item_id for item in served.items)
    for outcome in outcomes:
        to, items = shown.get(outcome.request_id, ("", frozenset()))
        if outcome.user != to or outcome.item_id not in items:  # a caller can name any request
            continue
        counts = users[to].counts
        if outcome.kind != "dwell":
            counts[outcome.kind] += 1
        if outcome.kind == "rating":
            counts["stars"] += outcome.value or 0.0
    return list(users.values())


def _compared(metric: Metric, by_arm: dict[Arm, list[_User]], level: float, split_is_kept: bool) -> Compared:
    stable, canary = (_ratio(metric, by_arm[arm]) for arm in get_args(Arm))
    difference = ratio_difference(stable, canary, level)
    return Compared(metric, difference, _verdict(metric, difference, split_is_kept))


def _ratio(metric: Metric, users: list[_User]) -> Ratio:
    return Ratio(
        np.array([user.counts[metric.above] for user in users], np.float64),
        np.array([user.counts[metric.below] for user in users], np.float64),
    )


def _verdict(metric: Metric, difference: Difference, split_is_kept: bool) -> Verdict:
    """What may be said of the canary."""
    if not split_is_kept:
        return "arms do not compare"
    if not np.isfinite(difference.low):
        return "too little to judge"
    if not difference.is_shown:
        return "no difference shown"
    return "better" if (difference.low > 0) == metric.more_is_better else "worse"
