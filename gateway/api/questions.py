"""What callers ask."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.api.fields import NUMBER, Category, Message, Text
from gateway.events.event import Id
from serving.client import Controls

Label = Literal["stable", "canary"]
Categories = Annotated[tuple[Category, ...], Field(max_length=50)]


class ListQuestion(Message):
    """What is wanted of a list.

    Attributes:
      k: How many items.
      exclude_item_ids: Items that are not to be in it.
      allow_categories: Of one feature any value will do; of several, each must fit.
      deny_categories: Stronger than what is allowed.
      diversity: 0 for relevance alone, up to 1 for items that are unlike each other.
      label: Of the version that is asked, if the caller minds; `null` for the gateway's choice.
    """

    k: Annotated[int, Field(ge=1, le=100), NUMBER] = 10
    exclude_item_ids: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
    allow_categories: Categories = ()
    deny_categories: Categories = ()
    diversity: Annotated[float, Field(ge=0, le=1), NUMBER] = 0.0
    label: Label | None = None

    @property
    def controls(self) -> Controls:
        """As the model server is asked."""
        return Controls(
            k=self.k,
            exclude=self.exclude_item_ids,
            allow=self.allow_categories,
            deny=self.deny_categories,
            diversity=self.diversity,
        )


class UserQuestion(ListQuestion):
    """A list for a user; for one who is not known, a list that suits many.

    Attributes:
      user_id: As the data have it.
    """

    user_id: Id


class ItemQuestion(ListQuestion):
    """A list of items that are like one.

    Attributes:
      item_id: The one.
      user_id: Who looks at it; then the list is kept with what follows from it.
    """

    item_id: Id
    user_id: Id | None = None


class TextQuestion(ListQuestion):
    """A list of items that a text speaks of.

    Attributes:
      text: In any words.
      user_id: Who looks for it; then the list is kept with what follows from it.
    """

    text: Text
    user_id: Id | None = None


class PersonQuestion(Message):
    """Whose data are meant.

    Attributes:
      user_id: As the data have it.
    """

    user_id: Id
