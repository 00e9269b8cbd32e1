"""Splits by time: the oldest interactions train, the newest test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.config.data import SplitConfig
from pipeline.errors import InputError
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


def time_boundaries(timestamps: np.ndarray, config: SplitConfig) -> TimeBoundaries:
    """Finds the boundaries that give each split its share.

    Args:
      timestamps: [N] int64 seconds, in any order.
      config: The shares. Events of one second are never parted, so that a split may get a little
        more or less than its share.

    Raises:
      InputError: A split would be empty.
    """
    if len(timestamps) == 0:
        raise InputError("there are no interactions to split")
    ordered = np.sort(timestamps)
    last = len(ordered) - 1
    eval_start = int(ordered[min(round(config.train * len(ordered)), last)])
    test_start = int(ordered[min(round((config.train + config.eval) * len(ordered)), last)])
    boundaries = TimeBoundaries(eval_start, test_start)
    counts = {split: int(mask.sum()) for split, mask in boundaries.masks(timestamps).items()}
    empty = [split for split, count in counts.items() if count == 0]
    if empty:
        found = ", ".join(f"{split} {count}" for split, count in counts.items())
        raise InputError(
            f"the time split leaves '{empty[0]}' empty ({found} interactions); "
            "the data need more interactions at more moments, or other shares in 'split'"
        )
    return boundaries


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
