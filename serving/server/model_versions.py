"""The versions of one model, and what is to happen to each of them next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from serving.server.servable import Servable
from serving.server.status import Code, ServingError

_KEPT_ENDED = 100  # so that a server that runs for years tells of the last ones only


class State(str, Enum):
    """What a version can be in, in this order."""

    START = "START"
    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"
    END = "END"


@dataclass(frozen=True)
class VersionState:
    """What a server tells of a version.

    Attributes:
      version: Its number.
      state: Name of a :class:`State`.
      code: `OK`, or why it could not be loaded.
      message: Likewise, in words.
    """

    version: int
    state: str
    code: Code = Code.OK
    message: str = ""


@dataclass
class VersionRecord:
    """What a server knows of a version.

    Attributes:
      name: The model's.
      number: Of the version.
      path: Its folder.
      state: What it is in.
      aspired: Whether the policy wants it.
      failures: How often it could not be loaded.
      due: When it may be loaded, of `time.monotonic()`.
      error: Why it could not be loaded for good.
      servable: Itself, once it is loaded.
      leases: How many calls use it.
    """

    name: str
    number: int
    path: Path
    state: State = State.START
    aspired: bool = True
    failures: int = 0
    due: float = 0.0
    error: ServingError | None = None
    servable: Servable | None = None
    leases: int = 0

    @property
    def settled(self) -> bool:
        """Whether it is as it will stay for now: it can be asked, or it never will be."""
        return self.state in (State.AVAILABLE, State.END)


class ModelVersions:
    """The versions of one model. Not safe for threads: whoever uses it holds a lock.

    New versions are loaded before old ones are unloaded, and if none of the new ones can be loaded, the old
    ones stay.
    """

    def __init__(self, name: str):
        self.name = name
        self._records: dict[int, VersionRecord] = {}
        self._ended: dict[int, VersionRecord] = {}

    def aspire(self, versions: Mapping[int, Path]) -> None:
        """Says which versions are wanted, and where they stand; those that are new begin."""
        for number, record in list(self._records.items()):
            record.aspired = number in versions
            if not record.aspired and record.state in (State.START, State.END):
                self._end(record)
        for number, path in versions.items():
            if number not in self._records:
                self._ended.pop(number, None)
                self._records[number] = VersionRecord(self.name, number, path)

    def to_load(self, now: float) -> list[VersionRecord]:
        """Versions that are to be loaded, the newest first."""
        waiting = [record for record in self._records.values() if record.state is State.START]
        return sorted((record for record in waiting if record.due <= now), key=lambda record: -record.number)

    def loaded(self, record: VersionRecord, servable: Servable) -> None:
        """A version was loaded."""
        record.servable, record.state = servable, State.AVAILABLE

    def failed(self, record: VersionRecord, error: ServingError, retry_at: float | None) -> None:
        """A version could not be loaded.

        Args:
          record: Of the version.
          error: Why.
          retry_at: When it is to be tried again, of `time.monotonic()`; `None` for never.
        """
        record.failures += 1
        if retry_at is None or not record.aspired:
            record.state, record.error = State.END, error
            if not record.aspired:
                self._end(record)
        else:
            record.state, record.due = State.START, retry_at

    def to_unload(self, needed: Iterable[int]) -> list[VersionRecord]:
        """Versions that are not wanted any more and may go.

        Args:
          needed: Those that must stay all the same.
        """
        wanted = [record for record in self._records.values() if record.aspired]
        replaced = all(record.settled for record in wanted) and any(
            record.state is State.AVAILABLE for record in wanted
        )
        if wanted and not replaced:
            return []
        kept = set(needed) if wanted else set()
        return [
            record
            for record in self._records.values()
            if not record.aspired and record.state is State.AVAILABLE and record.number not in kept
        ]

    def unloaded(self, record: VersionRecord) -> None:
        """A version is gone from memory."""
        record.servable = None
        record.state = State.END
        self._end(record)
        if record.aspired:  # it was wanted again in the meantime
            self.aspire({**self._wanted(), record.number: record.path})

    def available(self, version: int | None = None) -> VersionRecord | None:
        """The version that answers: the given one, or the newest that can be asked."""
        if version is not None:
            record = self._records.get(version)
            return record if record is not None and record.state is State.AVAILABLE else None
        ready = [number for number, record in self._records.items() if record.state is State.AVAILABLE]
        return self._records[max(ready)] if ready else None

    def settled(self) -> bool:
        """Whether some version can be asked, or none of those wanted will ever be."""
        return self.available() is not None or all(record.settled for record in self._records.values())

    def records(self) -> list[VersionRecord]:
        """All versions in memory or on their way to it, the newest first."""
        return sorted(self._records.values(), key=lambda record: -record.number)

    def states(self) -> list[VersionState]:
        """What is told of each version, those that ended as well, the newest first."""
        known = {**self._ended, **self._records}
        return [_told(known[number]) for number in sorted(known, reverse=True)]

    def why_not(self) -> str:
        """Why no version can be asked."""
        errors = [
            f"version {state.version} due to error: {state.code.name}: {state.message}"
            for state in self.states()
            if state.code is not Code.OK
        ]
        return f"name: {self.name} {'; '.join(errors) or 'has no versions'}"

    def _wanted(self) -> dict[int, Path]:
        return {number: record.path for number, record in self._records.items() if record.aspired}

    def _end(self, record: VersionRecord) -> None:
        record.state = State.END
        self._records.pop(record.number, None)
        self._ended[record.number] = record
        while len(self._ended) > _KEPT_ENDED:
            del self._ended[next(iter(self._ended))]


def _told(record: VersionRecord) -> VersionState:
    # A version that waits for another try is still being loaded, for whoever asks.
    state = State.LOADING if record.state is State.START and record.failures else record.state
    if record.error is None:
        return VersionState(record.number, state.value)
    return VersionState(record.number, state.value, record.error.code, record.error.message)
