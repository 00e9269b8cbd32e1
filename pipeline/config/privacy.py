"""Configuration of what protects the people in the data."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipeline.config.base import Frozen


class PrivacyConfig(Frozen):
    """How user ids, rare values and old events are treated; see docs/privacy.md.

    Attributes:
      user_ids: `pseudonyms` replaces each user id by a keyed hash before anything is written;
        `raw` keeps the ids. By default the source decides: raw for public data sets, pseudonyms
        for one's own files.
      key_file: File with the key of the pseudonyms; by default the environment variable
        `RECSTACK_PSEUDONYM_KEY` holds it.
      min_users: Attribute values and item ids with fewer distinct users are folded into
        out-of-vocabulary.
      retention_days: Older events are left out; by default none are.
      as_of: The day from which `retention_days` counts back; by default that of the run.
    """

    user_ids: Literal["raw", "pseudonyms"] | None = None
    key_file: Path | None = None
    min_users: int = Field(default=1, ge=1)
    retention_days: int | None = Field(default=None, ge=1)
    as_of: date | None = None
