"""The base of every configuration model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A configuration section: built once, never changed, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
