"""A plain guess at what people take up, which makes estimates steadier and never needs to be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_PRIOR = 5.0  # takings that an item is taken to have had, as many as its ranks make likely


@dataclass(frozen=True)
class RewardModel:
    """The chance that an item is taken up: that of its rank, times a factor of its own.

    Attributes:
      by_rank: [ranks] share of what was shown there and taken up.
      factors: Of items; another one's is 1.
    """

    by_rank: npt.NDArray[np.float64]
    factors: Mapping[str, float]

    @staticmethod
    def fitted(lists: Iterable[Sequence[str]], rewards: npt.NDArray[np.float64]) -> RewardModel:
        """Fits.

        Args:
          lists: n of items, as many as there are ranks.
          rewards: [n, ranks].
        """
        by_rank = rewards.mean(axis=0)
        taken: dict[str, float] = {}
        likely: dict[str, float] = {}
        for items, own in zip(lists, rewards, strict=True):
            for item, reward, rate in zip(items, own, by_rank, strict=True):
                taken[item] = taken.get(item, 0.0) + reward
                likely[item] = likely.get(item, 0.0) + rate
        return RewardModel(
            by_rank, {item: (taken[item] + _PRIOR) / (likely[item] + _PRIOR) for item in taken}
        )

    def of(self, items: Sequence[str]) -> npt.NDArray[np.float64]:
        """[ranks, items] guesses at each rank."""
        factors = np.array([self.factors.get(item, 1.0) for item in items], np.float64)
        return np.minimum(self.by_rank[:, np.newaxis] * factors, 1.0)
