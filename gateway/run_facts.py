"""What the gateway's page says of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.event_kinds import EventKind


@dataclass(frozen=True)
class RunFacts:
    """What a run left, beside its bundle.

    Attributes:
      name: Of the run.
      user_ids: Some users, by the ids that people know them by.
      tasks: Name of a ranking task to its kind.
      counting: Kinds of events that count in the next list.
      drift: What had moved in the data of the newest run, a line each; `None` if nobody looked.
    """

    name: str = ""
    user_ids: tuple[str, ...] = ()
    tasks: Mapping[str, str] = field(default_factory=dict)
    counting: tuple[EventKind, ...] = ()
    drift: tuple[str, ...] | None = None
