"""A version that is judged by lists that another drew, and what it says of how it would have drawn them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gateway.events.served_list import ServedList
from gateway.experiments.draw import Draw
from pipeline.errors import InputError
from serving.client import Controls, Recommendations

_DRAWS = 5
# Propensities of one request differ by less between batches, and by far more where candidates are added.
_RELATIVE, _ABSOLUTE = 0.01, 1e-6

Ask = Callable[[ServedList, Controls], Awaitable[Recommendations]]


@dataclass(frozen=True)
class JudgedVersion:
    """A version that is judged.

    Attributes:
      number: Of the version.
      ask: Gives the list that it draws for the user, the moment and the session of a logged list.
      retrieved: Candidates that it takes from its index: a list may be as long without having more.
      learnt_until: Second since 1970 of the newest interaction that it has learnt from; `None` if that is
        not known.
    """

    number: int
    ask: Ask
    retrieved: int
    learnt_until: int | None = None

    def may_have_learnt(self, served: ServedList) -> bool:
        """Whether what came of a list may be among what the version has learnt from."""
        return self.learnt_until is not None and served.time_ms // 1000 <= self.learnt_until

    async def drawn(self, served: ServedList, ranks: int) -> Draw | None:
        """Its odds, from draws until those of the logged items are known; `None` if it gives none.

        Lists are as long as they may be without more candidates than the logged one had: scores are set
        against those of all candidates. An item that does not come up in five draws is taken for impossible.
        Draw 0 has the noise of the logged list, so that most of its items are in it; the first draw knows
        nothing of that noise.
        """
        wanted = {item.item_id for item in served.items[:ranks]}
        draw: Draw | None = None
        for number in (1, 0, *range(2, _DRAWS)):
            found = Draw.of(await self.ask(served, self._long(served, number)))
            if found is None:
                return None
            draw = found if draw is None else draw.joined(found)
            if wanted <= draw.places.keys():
                break
        return draw

    async def check_length(self, some: Sequence[ServedList]) -> None:
        """Checks that long lists are drawn from the candidates of lists as long as the logged ones.

        Args:
          some: Lists of the log. Up to a third may differ: an approximate index may miss an item of one list
            that it found for the other.

        Raises:
          InputError: They are drawn from more.
        """
        differing = sum([await self._differs_by_length(served) for served in some])
        if 3 * differing > len(some):
            raise InputError(
                f"lists of {self.retrieved} items are drawn from more candidates than version {self.number} "
                "draws from otherwise, which makes their propensities others: set index.retrieved to what "
                "the version was made with, which is less"
            )

    async def _differs_by_length(self, served: ServedList) -> bool:
        """Whether a list as long as the logged one is another than the beginning of a longer one."""
        long = self._long(served, 0)
        length = Controls.model_validate(served.controls).k
        short, longer = [
            (await self.ask(served, long.model_copy(update={"k": k}))).items for k in (length, long.k)
        ]
        first = longer[: len(short)]
        if [item.item_id for item in short] != [item.item_id for item in first]:
            return True
        before, now = ([item.propensity or 0.0 for item in items] for items in (short, first))
        return not np.allclose(before, now, rtol=_RELATIVE, atol=_ABSOLUTE)

    def _long(self, served: ServedList, number: int) -> Controls:
        controls = Controls.model_validate(served.controls)
        return controls.model_copy(
            update={"k": max(controls.k, self.retrieved), "seed": controls.seed + number, "explain": False}
        )
