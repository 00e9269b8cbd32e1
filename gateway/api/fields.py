"""Types that requests share, and their limits; ids are those of :mod:`gateway.events.event`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway.events.event import CONTROL


def _of_no_other_type(value: object) -> object:
    """JSON has numbers, truth and text apart, and so does the schema."""
    if isinstance(value, bool | str):
        raise ValueError("must be a number")
    return value


NUMBER = BeforeValidator(_of_no_other_type)
"""Of a number it stands after the bounds, or the OpenAPI document lacks these."""

Category = Annotated[str, Field(max_length=512, pattern=rf"^[^={CONTROL}]+=[^{CONTROL}]+$")]
"""`feature=value`, such as `item_genres=Comedy`."""

Text = Annotated[str, Field(min_length=1, max_length=2000)]
"""What somebody looks for, in their own words."""


class Message(BaseModel):
    """A body: never changed, and strict about names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
