"""Why an item is in a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from serving.client.call import Arrays

ReasonKind = Literal["history", "category", "text", "similar_users"]

# Kinds that are one number, and the outputs that have it.
_NUMBERS: tuple[tuple[ReasonKind, str], ...] = (
    ("text", "text_similarity"),
    ("similar_users", "similar_users"),
)
_EVENTS = ("reason_item_ids", "reason_titles", "reason_weights")
_CATEGORIES = ("shared_categories", "shared_category_weights")
REASON_OUTPUTS = (*_EVENTS, *_CATEGORIES, *(output for _, output in _NUMBERS))


@dataclass(frozen=True)
class Reason:
    """A reason for an item.

    Attributes:
      kind: `history`: events without which its retrieval score would be lower. `category`: what it has in
        common with more of the history than of all items. `text`: its text is like those of the history.
        `similar_users`: people whose histories have much in common with this one engaged with it.
      weight: Of that; to be compared within a kind alone. Of `history` the fall of the score without the
        first event, a logit; of `category` the share of the history that has the first one; of `text` a mean
        cosine; of `similar_users` the sum of the similarities of those people.
      item_ids: Of the history's items, the weightiest first.
      titles: Theirs.
      words: Categories, as `item_genres=Comedy`, the weightiest first.
    """

    kind: ReasonKind
    weight: float
    item_ids: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def read_reasons(outputs: Arrays, row: int, place: Any) -> tuple[Reason, ...]:
    """The reasons of an item in a list.

    Args:
      outputs: Of a signature of lists; those of reasons that it lacks tell nothing.
      row: Of the list.
      place: Of the item.
    """
    reasons = []
    if set(_EVENTS) <= set(outputs):
        item_ids, titles, weights = (outputs[name][row, place] for name in _EVENTS)
        if weights[0] > 0:
            named = weights > 0
            reasons.append(
                Reason("history", float(weights[0]), _texts(item_ids[named]), _texts(titles[named]))
            )
    if set(_CATEGORIES) <= set(outputs):
        words, weights = (outputs[name][row, place] for name in _CATEGORIES)
        if weights[0] > 0:
            reasons.append(Reason("category", float(weights[0]), words=_texts(words[weights > 0])))
    for kind, name in _NUMBERS:
        if name in outputs and outputs[name][row, place] > 0:
            reasons.append(Reason(kind, float(outputs[name][row, place])))
    return tuple(reasons)


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(value.decode() for value in values)
