"""What a recommender answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.client.call import Outputs
from serving.client.reason import REASON_OUTPUTS, Reason, read_reasons

_PROPENSITY = "propensity"
_STRINGS = ("item_ids", "titles", "because_item_ids", "because_titles", "source")
_NO_SCORES = {*_STRINGS, *REASON_OUTPUTS, _PROPENSITY, "rank", "known"}


@dataclass(frozen=True)
class Recommendation:
    """An item of a list.

    Attributes:
      item_id: Its id.
      title: Its title.
      rank: From 1.
      scores: By name: `retrieval_score`, and of the recommender `order_score` and one of each task.
      because_item_id: Of the history's item that it owes the most to, if it has one: the first of the
        reason `history`.
      because_title: Of that item.
      source: That spoke most for it, if the model says so.
      propensity: How likely it was to come at this rank, given those before it: 1 without exploration; `None`
        where that is not known, as where diversity rearranged what exploration drew.
      reasons: Why it is there, each kind once at most.
    """

    item_id: str
    title: str
    rank: int
    scores: Mapping[str, float]
    because_item_id: str | None = None
    because_title: str | None = None
    source: str | None = None
    propensity: float | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Recommendations:
    """A list for one request.

    Attributes:
      items: Best first; fewer than asked for where no more fit.
      known: Whether the user was known when the bundle was made; `None` if no user was named.
      version: Of the model that answered; see :class:`~serving.client.call.Outputs`.
    """

    items: tuple[Recommendation, ...]
    known: bool | None = None
    version: int | None = None


def read_lists(outputs: Outputs) -> tuple[Recommendations, ...]:
    """Lists of a signature's outputs.

    Args:
      outputs: [B, k] each, and `known` [B].

    Returns:
      B lists, without the places that stayed empty.
    """
    known = outputs.get("known")
    ranks = outputs["rank"]
    return tuple(
        Recommendations(
            items=tuple(_item(outputs, row, place) for place in np.flatnonzero(ranks[row] > 0)),
            known=None if known is None else bool(known[row]),
            version=outputs.version,
        )
        for row in range(len(ranks))
    )


def _item(outputs: Outputs, row: int, place: Any) -> Recommendation:
    """What stands in a place."""
    texts = {name: outputs[name][row, place].decode() for name in _STRINGS if name in outputs}
    shape = outputs["rank"].shape
    propensity = float(outputs[_PROPENSITY][row, place]) if _PROPENSITY in outputs else 0.0
    return Recommendation(
        item_id=texts["item_ids"],
        title=texts["titles"],
        rank=int(outputs["rank"][row, place]),
        scores={
            name: float(values[row, place])
            for name, values in outputs.items()
            if name not in _NO_SCORES and values.shape == shape
        },
        because_item_id=texts.get("because_item_ids") or None,
        because_title=texts.get("because_titles") or None,
        source=texts.get("source") or None,
        propensity=propensity or None,
        reasons=read_reasons(outputs, row, place),
    )
