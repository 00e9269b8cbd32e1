"""Why items are there, in words."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api.answers import ListedItem, Reason, Source
from serving.client import Recommendation

_MANY = Reason(kind="popular", text="Many people like this")


def listed_items(items: Sequence[Recommendation], source: Source) -> tuple[ListedItem, ...]:
    """Items as callers get them.

    Args:
      items: Of a list.
      source: Where the list comes from.
    """
    return tuple(
        ListedItem(
            item_id=item.item_id,
            title=item.title,
            rank=item.rank,
            scores=dict(item.scores),
            reasons=(_MANY,) if source is Source.POPULAR else _reasons(item),
        )
        for item in items
    )


def _reasons(item: Recommendation) -> tuple[Reason, ...]:
    """Those that the models gave; that many like it, if they gave none."""
    if item.because_item_id is None:
        return (_MANY,)
    text = f"Because of {item.because_title}"
    return (Reason(kind="history", text=text, item_ids=(item.because_item_id,)),)
