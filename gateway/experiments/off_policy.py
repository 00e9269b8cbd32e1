"""What another version would have earned, from lists that one with exploration drew.

A list is drawn item by item, so its chance is a product of propensities, and what its r-th place earns is
weighed by the ratio of the chances of the first r (McInerney et al. 2020, for slates whose places depend on
those before them; Horvitz & Thompson 1952). Of each place: `ips` is the mean of weight times reward; `snips`
divides by the mean weight instead of 1 (Swaminathan & Joachims 2015); `dr` adds weighed errors of a guess to
the guess (Dudik et al. 2011; for sequences Jiang & Li 2016). All but `snips` are without bias if the logged
propensities are right and every list that the other version may draw could be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

_LEAST_EFFECTIVE = 100.0
_LEAST_USERS = 30
_BALANCE_P = 1e-3
_ROUNDING = 1e-9  # what is left of 0 when lists are drawn alike


@dataclass(frozen=True)
class LoggedPlaces:
    """Lists, by their first R places.

    Attributes:
      users: [n] whose list it was.
      rewards: [n, R] what each place earned.
      logged: [n, R] propensities of the version that drew it, above 0.
      target: [n, R] of the other version, each given the same items before it.
      guessed: [n, R] guess at the reward of the item that stood there.
      expected: [n, R] guess at the reward of the item that the other version would draw after the same ones.
    """

    users: npt.NDArray[np.int64]
    rewards: Floats
    logged: Floats
    target: Floats
    guessed: Floats
    expected: Floats


@dataclass(frozen=True)
class Estimate:
    """Of a number.

    Attributes:
      value: Of it.
      error: Standard error, lists of one user taken as one observation.
      low: Lower end of the 95% interval.
      high: Upper end.
    """

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class OffPolicy:
    """What the log says of another version.

    Attributes:
      lists: How many.
      users: Of how many.
      logged: What a list earned.
      estimates: By estimator, what one of the other version would have.
      gains: By estimator, that less what a list earned, whose errors partly cancel.
      effective: How many lists of the other version the weights at the last place are worth.
      mean_weight: There, before clipping; 1 if propensities are right and all could be drawn.
      clipped: Share of the weights that were clipped.
      doubts: Why nothing can be concluded; empty if something can.
    """

    lists: int
    users: int
    logged: Estimate
    estimates: dict[str, Estimate]
    gains: dict[str, Estimate]
    effective: float
    mean_weight: Estimate
    clipped: float
    doubts: tuple[str, ...]

    @property
    def conclusion(self) -> str:
        """In words: `better` or `worse` only where the intervals of `dr` and of `snips` both say so.

        Of a version that draws alike the latter is 0, however the guess of the former errs.
        """
        if self.doubts:
            return "nothing can be concluded"
        gains = self.gains["dr"], self.gains["snips"]
        if all(gain.low > _ROUNDING for gain in gains):
            return "better"
        return "worse" if all(gain.high < -_ROUNDING for gain in gains) else "no difference shown"


def evaluate(places: LoggedPlaces, max_weight: float) -> OffPolicy:
    """Estimates.

    Args:
      places: At least one list.
      max_weight: Larger weights are cut to it: less variance for some bias towards 0.
    """
    full = np.cumprod(places.target / places.logged, axis=1)
    weights = np.minimum(full, max_weight)
    totals = _totals(places, weights)
    earned = places.rewards.sum(axis=1)
    mean_weight = _estimate(full[:, -1], places.users)
    effective = _effective(weights[:, -1])
    num_users = len(np.unique(places.users))
    return OffPolicy(
        lists=len(earned),
        users=num_users,
        logged=_estimate(earned, places.users),
        estimates={name: _estimate(values, places.users) for name, values in totals.items()},
        gains={name: _estimate(values - earned, places.users) for name, values in totals.items()},
        effective=effective,
        mean_weight=mean_weight,
        clipped=float((full > max_weight).mean()),
        doubts=_doubts(num_users, effective, mean_weight),
    )


def _totals(places: LoggedPlaces, weights: Floats) -> dict[str, Floats]:
    """[n] by estimator: numbers whose mean is the estimate, and whose spread is its."""
    before = np.concatenate([np.ones((len(weights), 1)), weights[:, :-1]], axis=1)
    mean = weights.mean(axis=0)
    by_place = np.divide(
        (weights * places.rewards).mean(axis=0), mean, where=mean > 0, out=np.zeros_like(mean)
    )
    # Its mean is by_place; what is added to it is the first-order error of the ratio.
    errors = np.divide(
        weights * (places.rewards - by_place), mean, where=mean > 0, out=np.zeros_like(weights)
    )
    doubly = weights * (places.rewards - places.guessed) + before * places.expected
    return {
        "ips": (weights * places.rewards).sum(axis=1),
        "snips": (by_place + errors).sum(axis=1),
        "dr": doubly.sum(axis=1),
    }


def _effective(weights: Floats) -> float:
    """Kish's effective sample size."""
    squares = float((weights**2).sum())
    return float(weights.sum() ** 2 / squares) if squares else 0.0


def _estimate(values: Floats, users: npt.NDArray[np.int64]) -> Estimate:
    """A mean over lists; its error is that of users who are independent of each other."""
    mean = float(values.mean())
    _, place = np.unique(users, return_inverse=True)
    sums = np.bincount(place, weights=values - mean)
    count = len(sums)
    if count < 2:
        return Estimate(mean, float("nan"), float("nan"), float("nan"))
    error = float(np.sqrt((sums**2).sum() * count / (count - 1)) / len(values))
    reach = float(stats.t.ppf(0.975, count - 1)) * error
    return Estimate(mean, error, mean - reach, mean + reach)


def _doubts(users: int, effective: float, mean_weight: Estimate) -> tuple[str, ...]:
    """Why the estimates are worth nothing."""
    doubts = []
    if users < _LEAST_USERS:
        doubts.append(f"{users} users are too few: {_LEAST_USERS} are needed")
    if effective < _LEAST_EFFECTIVE:
        doubts.append(
            f"the lists are worth {effective:.0f} of the other version, and {_LEAST_EFFECTIVE:.0f} are "
            "needed: more days, fewer ranks, or more exploration"
        )
    # An error of 0 goes with weights that are all alike.
    distance = abs(mean_weight.value - 1.0)
    reach = float(stats.norm.isf(_BALANCE_P / 2)) * mean_weight.error
    if distance > max(reach, 1e-3):
        doubts.append(
            f"the mean weight is {mean_weight.value:.3f} and should be 1: the logged propensities are wrong, "
            "or the other version draws what the logged one could not, or it does not show what was logged "
            "in five lists (the larger index.retrieved, the longer they are)"
        )
    return tuple(doubts)
