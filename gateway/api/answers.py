"""What callers get."""

from __future__ import annotations

from enum import Enum

from gateway.api.fields import Message
from gateway.events.event import Event
from gateway.events.served_list import ServedList


class Source(str, Enum):
    """Where a list comes from."""

    MODEL = "model"
    CACHE = "cache"
    POPULAR = "popular"


class Reason(Message):
    """Why an item is there.

    Attributes:
      kind: `history`, `category`, `text`, `similar_users` or `popular`.
      text: In words.
      item_ids: Items that it names.
    """

    kind: str
    text: str
    item_ids: tuple[str, ...] = ()


class ListedItem(Message):
    """An item of a list.

    Attributes:
      item_id: Its id.
      title: Its title.
      rank: From 1.
      scores: By name: what the models made of it.
      reasons: The weightiest first.
    """

    item_id: str
    title: str
    rank: int
    scores: dict[str, float]
    reasons: tuple[Reason, ...]


class ListAnswer(Message):
    """A list.

    Attributes:
      request_id: Of the list; events that follow from it name it.
      source: `popular` if the models did not answer in time.
      model_version: Of the models that made it; `null` of a popular list.
      arm: Of the experiment that the user is in; `null` without one.
      known: Whether the user was known when the models were made; `null` if no user was named.
      items: The best first.
    """

    request_id: str
    source: Source
    model_version: int | None
    arm: str | None
    known: bool | None
    items: tuple[ListedItem, ...]


class Accepted(Message):
    """What became of a batch of events.

    Attributes:
      accepted: Events that are kept from now on.
      duplicates: Events that had been kept before.
    """

    accepted: int
    duplicates: int


class SessionItem(Message):
    """An event that counts in the next request.

    Attributes:
      item_id: What it was about.
      kind: What it was.
      timestamp_ms: When, in milliseconds since 1970.
      value: A rating, an amount.
    """

    item_id: str
    kind: str
    timestamp_ms: int
    value: float | None


class PersonData(Message):
    """What a gateway has of a person.

    Attributes:
      user: The name that they go by behind the door.
      events: What they did.
      served: The lists that they got.
      session: What counts in their next request, the oldest first.
    """

    user: str
    events: tuple[Event, ...]
    served: tuple[ServedList, ...]
    session: tuple[SessionItem, ...]


class Erased(Message):
    """What became of a person's data.

    Attributes:
      removed: Events and lists that were taken out of the log.
      remaining: What else there may be of them, and how it goes.
    """

    removed: int
    remaining: str


class Problem(Message):
    """Why a request was not answered.

    Attributes:
      error: What was wrong, and where.
    """

    error: str
