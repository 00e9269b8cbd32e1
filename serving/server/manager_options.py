"""How a server finds and loads versions."""

from __future__ import annotations

from pydantic import Field

from pipeline.config.base import Frozen


class ManagerOptions(Frozen):
    """How versions are found and loaded.

    Attributes:
      file_system_poll_wait_seconds: Between two looks at the folders; 0 for one look only.
      max_num_load_retries: How often a version that cannot be loaded is tried again.
      load_retry_interval_seconds: Between two tries.
      num_load_threads: Versions that are loaded at once.
    """

    file_system_poll_wait_seconds: float = Field(default=1.0, ge=0)
    max_num_load_retries: int = Field(default=5, ge=0)
    load_retry_interval_seconds: float = Field(default=60.0, ge=0)
    num_load_threads: int = Field(default=3, ge=1)
