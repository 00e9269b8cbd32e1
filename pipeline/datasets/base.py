"""What an adapter is: all that differs between sources."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.datasets.raw_file import Part, RawFile
from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.reading import digest
from pipeline.datasets.spans import SpanPlan
from pipeline.datasets.typed import type_interactions, type_items, type_users
from schemas.features import TableLayout


class DatasetAdapter(ABC):
    """Reads the raw files of one source, and names their columns as the canonical tables do.

    Typing, cleaning, joining and splitting come after it and are the same for all sources. An adapter
    travels to Beam's workers: it holds paths and settings, and nothing that is open.

    Attributes:
      timestamp_unit: `s` or `ms` since 1970 UTC, `iso`, or a format of `datetime.strptime`.
      ids_are_public: Whether the user ids are those of a published data set, and nobody's.
      names_requests: Whether interactions may have a `request_id`, of the list that showed the item: what was
        taken up of a list is then no exposure of it.
    """

    timestamp_unit: str = "s"
    ids_are_public: bool = False
    names_requests: bool = False

    @abstractmethod
    def layout(self) -> TableLayout:
        """Which optional columns the tables have; known without reading the files."""

    @abstractmethod
    def interaction_files(self) -> Sequence[RawFile]:
        """The files that hold the interactions."""

    @abstractmethod
    def interactions(self, part: Part) -> Iterator[RawTable]:
        """Reads a part of one of :meth:`interaction_files`.

        Yields:
          Tables with `user_id`, `item_id`, `timestamp` and, as the layout says, `value`,
          `event_type`, `dwell_seconds`; of any type that can be understood, text included.
        """

    @abstractmethod
    def items(self) -> Iterator[RawTable]:
        """Yields tables with `item_id`, `title` and, as the layout says, `text` and attributes."""

    def users(self) -> Iterator[RawTable]:
        """Yields tables with `user_id` and the attributes of the layout; by default nothing."""
        return iter(())

    def other_files(self) -> Sequence[RawFile]:
        """The files that hold items and users."""
        return ()

    def span_plan(self) -> SpanPlan | None:
        """Which spans are read and what for; `None` if the interactions do not come in spans.

        Raises:
          InputError: There are too few spans.
        """
        return None

    def has_stored_ids(self, part: Part) -> bool:
        """Whether a part names users as runs store them already, by pseudonym if they keep such."""
        return False

    def mapping(self) -> object:
        """What, beside the files, decides how they are understood; it can be written as JSON."""
        return type(self).__name__

    def parts(self) -> list[Part]:
        """The pieces of the interactions, in order.

        Raises:
          InputError: A file cannot be read.
        """
        return [part for file in self.interaction_files() for part in file.parts()]

    def num_rows(self) -> int:
        """About how many interactions there are.

        Raises:
          InputError: A file cannot be read.
        """
        return sum(file.num_rows() for file in self.interaction_files())

    def check(self) -> None:
        """Reads the beginning of each table.

        Raises:
          InputError: A file cannot be fetched or read, lacks a column, or holds one of a type that
            cannot be used.
        """
        layout = self.layout()
        for file in (*self.interaction_files(), *self.other_files()):
            file.columns()
        for part in self.parts()[:1]:
            for raw in _first(self.interactions(part)):
                type_interactions(raw, layout, self.timestamp_unit)
        for raw in _first(self.items()):
            type_items(raw, layout)
        for raw in _first(self.users()):
            type_users(raw, layout)

    def fingerprint(self) -> str:
        """A digest of the raw files, of the adapter's own file and of the mapping; nothing is parsed.

        Raises:
          InputError: A file cannot be read.
        """
        files = (*self.interaction_files(), *self.other_files())
        code = getattr(sys.modules[type(self).__module__], "__file__", None)  # none, if typed at a prompt
        paths = [file.path for file in files] + ([] if code is None else [Path(code)])
        return digest(paths, self.mapping())


def _first(tables: Iterator[RawTable]) -> list[RawTable]:
    first = next(tables, None)
    return [] if first is None else [first]
