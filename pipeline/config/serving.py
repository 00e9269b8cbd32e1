"""Configuration of the servers of a bundle."""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePosixPath

from pydantic import Field, field_validator, model_validator

from pipeline.config.base import Frozen


class BatchingConfig(Frozen):
    """How a server puts requests together; the names are those of TensorFlow Serving.

    Attributes:
      max_batch_size: Rows of a batch at most.
      batch_timeout_micros: How long a request waits for others, in microseconds.
      max_enqueued_batches: Batches that may wait; beyond, requests are refused.
      num_batch_threads: Batches that are answered at the same time.
      allowed_batch_sizes: Sizes that a batch is filled up to, so that few shapes occur; the last one is
        `max_batch_size`. Empty: any size.
      pad_variable_length_inputs: Whether lists of unequal length may share a batch, filled up with what
        means nothing.
    """

    max_batch_size: int = Field(default=32, ge=1)
    batch_timeout_micros: int = Field(default=1000, ge=0)
    max_enqueued_batches: int = Field(default=100, ge=1)
    num_batch_threads: int = Field(default=2, ge=1)
    allowed_batch_sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    pad_variable_length_inputs: bool = True

    @model_validator(mode="after")
    def _sizes_grow_to_the_largest(self) -> BatchingConfig:
        sizes = self.allowed_batch_sizes
        if not sizes:
            return self
        if sizes[0] < 1 or any(size >= larger for size, larger in pairwise(sizes)):
            raise ValueError("allowed_batch_sizes must grow, from 1 or more")
        if sizes[-1] != self.max_batch_size:
            raise ValueError(
                f"allowed_batch_sizes must end in max_batch_size, {self.max_batch_size}, not in {sizes[-1]}"
            )
        return self


class ServingConfig(Frozen):
    """What a push writes for servers beside the models.

    Attributes:
      mount: Absolute path under which the servers find the bundle's folder, in a container for instance;
        by default where it is.
      reload_seconds: How often TensorFlow Serving looks at `models.config`, its
        `--model_config_file_poll_wait_seconds`. A push, and a label that goes to a version without one, then
        wait twice as long between the version and the label, so that running servers follow. `null`: they
        take such a version when they are started again.
      batching: How requests are put together.
      metrics_path: Where a server shows Prometheus metrics; `null` for none.
    """

    mount: str | None = None
    reload_seconds: float | None = Field(default=None, gt=0)
    batching: BatchingConfig = BatchingConfig()
    metrics_path: str | None = Field(default="/monitoring/prometheus/metrics", pattern=r"^/[\w./-]*$")

    @field_validator("mount")
    @classmethod
    def _mount_is_absolute(cls, mount: str | None) -> str | None:
        if mount is not None and not PurePosixPath(mount).is_absolute():
            raise ValueError(f"mount must be an absolute path, not {mount}")
        return mount
