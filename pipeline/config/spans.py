"""Configuration of interactions that arrive day by day."""

from __future__ import annotations

from pydantic import Field, model_validator

from pipeline.config.base import Frozen


class SpansConfig(Frozen):
    """Interactions in dated folders, a span each: `2026-11-25` or `day=2026-11-25`.

    The newest spans test and evaluate, the rest of the window trains. What lies before the window is
    history and nothing else, so that whoever comes back is known.

    Attributes:
      window: Newest spans that are learnt from, evaluated and tested on; all there are by default.
      history: Spans before the window that histories reach back to; all there are by default.
      eval: Spans of the eval split.
      test: Spans of the test split, the newest.
      marker: Name of a file that says that a span's folder is whole, `_SUCCESS` for instance; without it
        in its folder a span is not read. By default a folder counts as soon as it is there: let it appear
        by a rename.
    """

    window: int | None = Field(default=None, ge=3)
    history: int | None = Field(default=None, ge=0)
    eval: int = Field(default=1, ge=1)
    test: int = Field(default=1, ge=1)
    marker: str | None = Field(default=None, pattern=r"^[^/]+$")

    @model_validator(mode="after")
    def _something_trains(self) -> SpansConfig:
        if self.window is not None and self.window <= self.eval + self.test:
            raise ValueError(
                f"window ({self.window}) must be more than eval and test together ({self.eval + self.test})"
            )
        return self
