"""What a section of a report is made of; the page's template turns it into HTML, and escapes all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


class MissingError(Exception):
    """What a section is made of is not there; the message says so in one sentence."""


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
      text: What it says.
      tone: How it looks: as the rest, as good news, or as bad news.
    """

    text: str
    tone: Literal["plain", "good", "bad"] = "plain"


@dataclass(frozen=True)
class Lines:
    """A list.

    Attributes:
      lines: Its entries.
    """

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
      caption: What it shows.
      headings: Of the columns.
      rows: Cells; the first of each row is its heading.
      texts: The first so many columns hold text, the others figures.
      is_long: Whether it is folded away at first.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    is_long: bool = False


@dataclass(frozen=True)
class Figure:
    """A plot.

    Attributes:
      svg: Made by :class:`serving.report.plot.Plot`, which escapes what is in it.
      caption: What it shows.
    """

    svg: str
    caption: str


@dataclass(frozen=True)
class Beside:
    """Tables beside each other where the page is wide enough.

    Attributes:
      title: What they have in common.
      tables: From left to right.
    """

    title: str
    tables: tuple[Table, ...]


Block = Text | Lines | Table | Figure | Beside


@dataclass(frozen=True)
class Section:
    """A section.

    Attributes:
      name: Its anchor.
      title: Its heading.
      blocks: From top to bottom.
    """

    name: str
    title: str
    blocks: tuple[Block, ...] = field(default=())

    def kinds(self) -> tuple[str, ...]:
        """The class of each block, by which the template knows it."""
        return tuple(type(block).__name__ for block in self.blocks)
