"""Why items are there, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.api.answers import ListedItem, Reason, Source
from serving.client import Recommendation
from serving.client.reason import Reason as ModelReason

_MANY = Reason(kind="popular", text="Many people like this")
_ALIKE = 0.5  # a cosine: texts of one language are never wholly unlike each other


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
            reasons=(_MANY,) if source is Source.POPULAR else in_words(item.reasons),
        )
        for item in items
    )


def in_words(reasons: Sequence[ModelReason]) -> tuple[Reason, ...]:
    """Reasons in words, in the order in which they say most; that many like it, if the models gave none."""
    by_kind = {reason.kind: reason for reason in reasons}
    said = [
        Reason(kind=kind, text=text, item_ids=by_kind[kind].item_ids)
        for kind, words in _WORDS.items()
        if kind in by_kind and (text := words(by_kind[kind]))
    ]
    return tuple(said) or (_MANY,)


def _of_history(reason: ModelReason) -> str:
    return f"Because of {_listed(reason.titles or reason.item_ids)}"


def _of_categories(reason: ModelReason) -> str:
    names = [word.partition("=")[2] or word for word in reason.words]
    return f"{_listed(names)}, like {reason.weight:.0%} of what you chose" if names else ""


def _of_users(_: ModelReason) -> str:
    return "People who chose what you chose went on to this"


def _of_text(reason: ModelReason) -> str:
    return "Its description is like those of what you chose" if reason.weight >= _ALIKE else ""


_WORDS: dict[str, Callable[[ModelReason], str]] = {
    "history": _of_history,
    "category": _of_categories,
    "similar_users": _of_users,
    "text": _of_text,
}


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
