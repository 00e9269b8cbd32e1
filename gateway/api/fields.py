"""Types that requests share, and their limits; ids are those of :mod:`gateway.events.event`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"


def no_other_type(value: object) -> object:
    """JSON has numbers, truth and text apart, and so does the schema."""
    if isinstance(value, bool | str):
        raise ValueError("must be a number")
    return value


# Limits stand before it, or they are missing from the schema.
NUMBER = BeforeValidator(no_other_type)

Category = Annotated[str, Field(max_length=512, pattern=rf"^[^={_CONTROL}]+=[^{_CONTROL}]+$")]
"""`feature=value`, such as `item_genres=Comedy`."""

Text = Annotated[str, Field(min_length=1, max_length=2000)]
"""What somebody looks for, in their own words."""


class Message(BaseModel):
    """A body: never changed, and strict about names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
