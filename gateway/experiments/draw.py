"""How another version would have drawn a list, from lists that it draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from serving.client import Recommendations

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Draw:
    """What a version's next item may be, under exploration.

    By Plackett and Luce an item's chance to be next is its share of the odds that are left. So the chances to
    be first say all: those of any later place follow from them.

    Attributes:
      item_ids: Those whose odds are known.
      first: [items] chance of each to be first.
      elsewhere: Chance that the first is another item: one that would have come after all of these.
      modelled: Items whose rewards are guessed at one by one: those of the first draw, which must not depend
        on what the logged version drew. A guess that did would bias the estimate.
    """

    item_ids: tuple[str, ...]
    first: Floats
    elsewhere: float
    modelled: frozenset[str]

    @staticmethod
    def of(answer: Recommendations) -> Draw | None:
        """Odds, from the propensities of a list that was drawn without diversity; `None` if it has none.

        The item at rank r is first with its propensity times the chance that none of those before it is.
        Nothing need be known of the scores or of the temperature.
        """
        known = [item.propensity for item in answer.items if item.propensity is not None]
        if not known or len(known) != len(answer.items):
            return None
        propensities = np.array(known, np.float64)
        left = np.cumprod(1.0 - propensities)
        first = propensities * np.concatenate([[1.0], left[:-1]])
        items = tuple(item.item_id for item in answer.items)
        return Draw(items, first, float(left[-1]), frozenset(items))

    def joined(self, other: Draw) -> Draw:
        """The odds of both, which are of one version and one request; what is modelled stays."""
        first = dict(zip(other.item_ids, other.first, strict=True))
        first.update(zip(self.item_ids, self.first, strict=True))
        odds = np.array(list(first.values()))
        return Draw(tuple(first), odds, max(0.0, 1.0 - float(odds.sum())), self.modelled)

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Of the items."""
        return {item_id: place for place, item_id in enumerate(self.item_ids)}

    def propensities(self, item_ids: Sequence[str]) -> Floats:
        """Chance of each place of a list, given those before it.

        Args:
          item_ids: The list.

        Returns:
          [items]; 0 for an item whose odds are not known, and for all that come after it.
        """
        chances = np.zeros(len(item_ids))
        for rank, item_id in enumerate(item_ids):
            if item_id not in self.places:
                break
            chances[rank] = self.weights(item_ids[:rank])[self.places[item_id]]
        return chances

    def weights(self, before: Sequence[str]) -> Floats:
        """[items] chance of each to be next after some; zeros if one of those cannot have been drawn."""
        odds = self.first.copy()
        for item_id in before:
            if item_id not in self.places:
                return np.zeros_like(odds)
            odds[self.places[item_id]] = 0.0
        left = float(odds.sum()) + self.elsewhere
        return odds / left if left > 0 else np.zeros_like(odds)
