"""What the gateway's page asks, and what it shows beside lists."""

from __future__ import annotations

from pydantic import Field

from gateway.api.answers import SessionItem
from gateway.api.fields import Message, Whole
from gateway.api.questions import Label, PersonQuestion
from schemas.event_kinds import EventKind


class HistoryQuestion(PersonQuestion):
    """What a user did.

    Attributes:
      length: Items at most that the models know of.
      label: Of the version that is asked; `null` for the gateway's choice.
    """

    length: Whole = Field(default=20, ge=1, le=100)
    label: Label | None = None


class LearntItem(Message):
    """An item that the models know a user to have had to do with.

    Attributes:
      item_id: Its id.
      title: Its title.
      value: What the user made of it; `null` where the data have no values.
    """

    item_id: str
    title: str
    value: float | None


class HistoryAnswer(Message):
    """What a user did; the newest first.

    Attributes:
      known: Whether the user was known when the models were made.
      recent: What the user did lately, by the gateway's session.
      items: What the models have learnt of the user.
    """

    known: bool
    recent: tuple[SessionItem, ...]
    items: tuple[LearntItem, ...]


class Options(Message):
    """What can be chosen.

    Attributes:
      run: Name of the run whose models answer.
      user_ids: Some users to look at; none where the run keeps pseudonyms.
      versions: Label to the version that has it, and `newest`; none while the models do not answer.
      scenarios: Name to address of other gateways.
      ratings: What items can be rated with, the lowest first.
      tasks: Name of a score to its kind, such as `value` or `dwell`; of other kinds it is a probability.
      counting: Kinds of events that count in the next list.
    """

    run: str
    user_ids: tuple[str, ...]
    versions: dict[str, int]
    scenarios: dict[str, str]
    ratings: tuple[float, ...]
    tasks: dict[str, str]
    counting: tuple[EventKind, ...]


class State(Message):
    """Figures of this gateway since it started.

    Attributes:
      requests: For lists.
      p50_ms: Half of them took no longer, in milliseconds, as far as the buckets tell; `null` without any.
      p99_ms: Likewise, of 99 in a hundred.
      click_rate: Clicks for each impression; `null` without any.
      lists: Where lists came from, to how many.
      events: Kind to how many.
      versions: As :class:`Options` has them, of now.
      drift: What had moved in the data of the newest run; `null` if nobody looked.
    """

    requests: int
    p50_ms: float | None
    p99_ms: float | None
    click_rate: float | None
    lists: dict[str, int]
    events: dict[str, int]
    versions: dict[str, int]
    drift: tuple[str, ...] | None
