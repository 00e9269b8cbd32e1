"""One list that was answered, with all that it takes to judge and to learn from it later."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.events.event import Id, Milliseconds, RequestId

ListKind = Literal["user", "item", "text"]


class ServedItem(BaseModel):
    """An item of a list; its rank is its place, from 1.

    Attributes:
      item_id: The item.
      scores: By name.
      propensity: Probability that the item stood at its rank, given those before it: 1 for an order that
        nothing random had a part in, `None` where it is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    item_id: Id
    scores: dict[str, float] = Field(default_factory=dict)
    propensity: float | None = Field(default=None, ge=0, le=1)


class ServedList(BaseModel):
    """A list as it was answered.

    Attributes:
      request_id: 32 hexadecimal digits.
      user: As in :class:`~gateway.events.event.Event`.
      time_ms: When it was answered, in milliseconds since 1970 UTC.
      kind: What it was a list for.
      source: `popular` if the model server did not answer in time.
      label: Of the version that was asked for.
      model_version: That answered; `None` for the popular list.
      experiment: Name of the experiment that the user was in; `None` without one.
      arm: Of the experiment.
      controls: Of the request.
      features: The inputs of the signature as they were served, the user's id left out.
      items: The list, the first one first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())

    request_id: RequestId
    user: Id
    time_ms: Milliseconds
    kind: ListKind
    source: Literal["model", "popular"] = "model"
    label: str | None = None
    model_version: int | None = None
    experiment: str | None = None
    arm: str | None = None
    controls: dict[str, Any] = Field(default_factory=dict)
    features: dict[str, Any] = Field(default_factory=dict)
    items: tuple[ServedItem, ...]
