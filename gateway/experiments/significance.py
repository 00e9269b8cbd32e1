"""Whether a difference between two groups of users is more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

_POWER = 0.8
_LEAST_USERS = 30  # fewer are not normal enough on average


@dataclass(frozen=True)
class Ratio:
    """A sum over a sum, by user, such as clicks over impressions.

    Attributes:
      numerators: [users].
      denominators: [users], none below 0.
    """

    numerators: Floats
    denominators: Floats

    @property
    def value(self) -> float:
        """Of all users together; NaN if nothing is below."""
        below = self.denominators.sum()
        return float(self.numerators.sum() / below) if below else float("nan")

    @property
    def linearised(self) -> Floats:
        """[users]: numbers whose mean varies as the ratio does, to first order (the delta method)."""
        residuals = self.numerators - self.value * self.denominators
        return np.asarray(residuals / self.denominators.mean(), np.float64)


@dataclass(frozen=True)
class Difference:
    """Canary less stable.

    Attributes:
      stable: The ratio of the one arm.
      canary: Of the other.
      difference: Between them; NaN, as all that follows, where it cannot be judged.
      low: Lower end of its confidence interval.
      high: Upper end.
      p_value: Chance of a difference as large if there is none, two-sided.
      detectable: Smallest true difference that as many users show in four of five experiments.
    """

    stable: float
    canary: float
    difference: float
    low: float
    high: float
    p_value: float
    detectable: float

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves 0 out; never for one that is not a number."""
        return self.low > 0 or self.high < 0


def ratio_difference(stable: Ratio, canary: Ratio, level: float = 0.95) -> Difference:
    """Compares the ratios of two groups of independent users.

    The unit is the user: what one does twice is not as much evidence as what two do. Variances are those of
    the delta method (Deng, Knoblich & Lu 2018), the test is Welch's; with ones below it is his t-test.

    Args:
      stable: Of the one group.
      canary: Of the other.
      level: Of the interval.

    Returns:
      The difference; it is not judged for fewer than 30 users in a group, or where nobody varies.
    """
    values = stable.value, canary.value
    difference = values[1] - values[0]
    sizes = len(stable.numerators), len(canary.numerators)
    if min(sizes) < _LEAST_USERS or not np.isfinite(difference):
        return Difference(*values, difference, *[float("nan")] * 4)
    shares = [np.var(group.linearised, ddof=1) / len(group.numerators) for group in (stable, canary)]
    error = float(np.sqrt(sum(shares)))
    if error == 0.0:
        return Difference(*values, difference, *[float("nan")] * 4)
    freedom = error**4 / sum(share**2 / (size - 1) for share, size in zip(shares, sizes, strict=True))
    reach = float(stats.t.ppf((1 + level) / 2, freedom))
    return Difference(
        *values,
        difference,
        low=difference - reach * error,
        high=difference + reach * error,
        p_value=float(2 * stats.t.sf(abs(difference) / error, freedom)),
        detectable=(reach + float(stats.t.ppf(_POWER, freedom))) * error,
    )


def share_p_value(num_stable: int, num_canary: int, canary_share: float) -> float:
    """Chance of a split of users as far from the share as this one, if the share was kept (binomial test).

    A small one tells of a broken experiment, whose arms must not be compared: users that one arm lost, say
    (Fabijan et al. 2019).
    """
    users = num_stable + num_canary
    return float(stats.binomtest(num_canary, users, canary_share).pvalue) if users else float("nan")
