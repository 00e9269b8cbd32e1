"""Configuration of what is kept about people, and for how long."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.config.base import Frozen


class PrivacyConfig(Frozen):
    """How people are protected; see `docs/privacy.md`.

    Attributes:
      user_ids: Whether user ids are kept as they are or as pseudonyms. By default the source decides:
        `raw` for public data sets, `pseudonyms` for one's own files.
      key_file: The pseudonyms' key, as `recstack data key` writes it; a relative path is taken from the
        configuration file's folder. By default the environment names the key.
      min_users: Attribute values and item ids of fewer distinct users are folded into
        out-of-vocabulary.
      retention_days: Older interactions are left out; by default none is.
      as_of: The day from which `retention_days` count back; by default that of the newest event.
    """

    user_ids: Literal["raw", "pseudonyms"] | None = None
    key_file: Path | None = None
    min_users: int = Field(default=1, ge=1)
    retention_days: int | None = Field(default=None, ge=1)
    as_of: date | None = None
