"""Splits by time: the oldest interactions train, the newest test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.config.data import UNSPLIT, SplitConfig
from pipeline.errors import InputError
from pipeline.time_histogram import TimeHistogram
from schemas.features import TIMESTAMP

TRAIN, EVAL, TEST = "train", "eval", "test"
SPLITS = (TRAIN, EVAL, TEST)


@dataclass(frozen=True)
class TimeBoundaries:
    """Where the splits meet, in seconds since 1970 UTC.

    Attributes:
      eval_start: The first moment of the eval split.
      test_start: The first moment of the test split.
    """

    eval_start: int
    test_start: int

    def masks(self, timestamps: np.ndarray) -> dict[str, np.ndarray]:
        """Which interactions belong to which split; [N] bool each."""
        return {
            TRAIN: timestamps < self.eval_start,
            EVAL: (timestamps >= self.eval_start) & (timestamps < self.test_start),
            TEST: timestamps >= self.test_start,
        }


def time_boundaries(times: TimeHistogram, config: SplitConfig) -> TimeBoundaries:
    """Finds the boundaries that give each split its share.

    Args:
      times: When the interactions happened.
      config: The shares. Events of one bin of the histogram, a second if the log is not huge, are
        never parted, so that a split may get a little more or less than its share. `UNSPLIT`
        leaves all but the first split empty.

    Raises:
      InputError: A split would be empty.
    """
    if times.total == 0:
        raise InputError("there are no interactions to split")
    last = times.total - 1
    if config == UNSPLIT:
        after = times.time_of(last) + times.width
        return TimeBoundaries(after, after)
    eval_start = times.time_of(min(round(config.train * times.total), last))
    test_start = times.time_of(min(round((config.train + config.eval) * times.total), last))
    boundaries = TimeBoundaries(eval_start, test_start)
    check_not_empty(
        times, boundaries, "the data need more interactions at more moments, or other shares in 'split'"
    )
    return boundaries


def check_not_empty(times: TimeHistogram, boundaries: TimeBoundaries, remedy: str, since: int = 0) -> None:
    """Checks that each split gets something.

    Args:
      times: When the interactions happened.
      boundaries: Where the splits meet.
      remedy: What to do, for the message.
      since: The first second of the training split.

    Raises:
      InputError: One gets nothing.
    """
    ends = [times.count_before(second) for second in (since, boundaries.eval_start, boundaries.test_start)]
    counts = dict(zip(SPLITS, np.diff([*ends, times.total]).tolist(), strict=True))
    empty = [split for split, count in counts.items() if count == 0]
    if empty:
        found = ", ".join(f"{split} {count}" for split, count in counts.items())
        raise InputError(f"the time split leaves '{empty[0]}' empty ({found} interactions); {remedy}")


def split_by_time(interactions: pa.Table, boundaries: TimeBoundaries) -> dict[str, pa.Table]:
    """Parts interactions; each split keeps their order.

    Args:
      interactions: Any table with a `timestamp` int64 column.
      boundaries: Where the splits meet.

    Returns:
      The splits by name, oldest first.
    """
    masks = boundaries.masks(interactions[TIMESTAMP].to_numpy())
    return {split: interactions.filter(pa.array(mask)) for split, mask in masks.items()}
