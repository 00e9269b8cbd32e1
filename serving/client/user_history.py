"""What a recommender knows of a user."""

from __future__ import annotations

from dataclasses import dataclass

from serving.client.call import Outputs


@dataclass(frozen=True)
class PastItem:
    """An item that a user had to do with.

    Attributes:
      item_id: Its id.
      title: Its title.
      value: What the user made of it, such as a rating; `None` where the data have no values.
    """

    item_id: str
    title: str
    value: float | None = None


@dataclass(frozen=True)
class UserHistory:
    """What a user did until the bundle was made.

    Attributes:
      known: Whether the bundle knows the user.
      items: The newest first.
    """

    known: bool
    items: tuple[PastItem, ...]


def read_histories(outputs: Outputs) -> tuple[UserHistory, ...]:
    """Histories of the outputs of `user_history`, one a row."""
    return tuple(
        UserHistory(
            known=bool(outputs["known"][row]),
            items=tuple(_item(outputs, row, place) for place in range(count)),
        )
        for row, count in enumerate(outputs["count"])
    )


def _item(outputs: Outputs, row: int, place: int) -> PastItem:
    return PastItem(
        item_id=outputs["item_ids"][row, place].decode(),
        title=outputs["titles"][row, place].decode(),
        value=float(outputs["values"][row, place]) if "values" in outputs else None,
    )
