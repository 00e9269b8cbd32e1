"""Types that requests share, and their limits; ids are those of :mod:`gateway.events.event`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

_CONTROL = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"}


def _printable(text: str) -> str:
    if not _CONTROL.isdisjoint(text):
        raise ValueError("must not hold control characters")
    return text


Category = Annotated[
    str, StringConstraints(min_length=3, max_length=512, pattern=r"^[^=]+=.+$"), AfterValidator(_printable)
]
"""`feature=value`, such as `item_genres=Comedy`."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
"""What somebody looks for, in their own words."""


class Message(BaseModel):
    """A body: never changed, and strict about names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
