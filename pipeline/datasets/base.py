"""What every data source offers."""

from __future__ import annotations

from typing import Protocol

from schemas.features import TableLayout
from schemas.tables import CanonicalTables


class DatasetAdapter(Protocol):
    """Turns the raw files of one source into canonical tables."""

    def layout(self) -> TableLayout:
        """Which optional columns the tables will have; known without reading the files."""

    def check(self) -> None:
        """Finds what can be found without reading the files whole.

        Raises:
          InputError: A file cannot be fetched or read, or lacks a column.
        """

    def fingerprint(self) -> str:
        """A digest of the raw files and of how they are mapped; nothing is parsed.

        Raises:
          InputError: A file cannot be read.
        """

    def load(self) -> CanonicalTables:
        """Reads the files.

        Raises:
          InputError: A value cannot be understood; the message names the file, the number of
            such rows and the first one's line.
        """
