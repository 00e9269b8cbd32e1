"""Where events are kept: what every log can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from gateway.events.event import Event
from gateway.events.served_list import ServedList
from pipeline.errors import InputError


class EventLogError(InputError):
    """A log cannot take or give events; what was refused is not kept, and may be sent again."""


class UnsupportedByLogError(EventLogError):
    """What is asked for is beyond what this kind of log can do."""


@dataclass(frozen=True)
class Appended:
    """What became of events.

    Attributes:
      accepted: How many are new, and kept.
      duplicates: How many were kept before.
    """

    accepted: int
    duplicates: int


class UserRecord(BaseModel):
    """All that a log has of somebody.

    Attributes:
      events: What they did, in the order of receipt.
      served: The lists that they got.
    """

    model_config = ConfigDict(frozen=True)

    events: tuple[Event, ...]
    served: tuple[ServedList, ...]


class EventLog(Protocol):
    """Keeps events and served lists. Tasks of one event loop may share it."""

    async def append(self, events: Sequence[Event]) -> Appended:
        """Keeps events; all of them are durable when it returns, or none is kept.

        Raises:
          EventLogError: They cannot be kept now.
        """

    async def append_served(self, served: ServedList) -> None:
        """Keeps a list; it is durable when it returns. One that is known already stays as it is.

        Raises:
          EventLogError: It cannot be kept now.
        """

    async def of_user(self, user: str) -> UserRecord:
        """All that is kept of a user.

        Raises:
          UnsupportedByLogError: This kind of log cannot look for a user.
          EventLogError: The log cannot be read.
        """

    async def erase(self, user: str) -> int:
        """Removes all that is kept of a user, beyond recovery from the log's files.

        Returns:
          How many events and lists were removed.

        Raises:
          UnsupportedByLogError: This kind of log cannot remove what it has taken.
          EventLogError: The log cannot be written.
        """

    async def close(self) -> None:
        """Waits for what was begun, and lets go of files and connections."""
