"""Configuration of training that starts by itself."""

from __future__ import annotations

from pydantic import Field

from pipeline.config.base import Frozen


class ContinuousConfig(Frozen):
    """When `recstack watch` starts a run; there is none without a span that the last run did not have.

    Attributes:
      every_hours: A run is due when the last one began this long ago.
      drift: Whether it is due at once when the newest span has moved away from what the served version
        learnt, by the schema's drift comparators.
      poll_seconds: Between two looks at the folder of the spans.
    """

    every_hours: float = Field(default=24.0, gt=0)
    drift: bool = True
    poll_seconds: float = Field(default=60.0, gt=0)
