"""How many events happened when, in bounded memory."""

from __future__ import annotations

import numpy as np

_MAX_BINS = 1 << 20


class TimeHistogram:
    """Counts of events by time.

    A bin is one second wide, until there are more than a million of them; then all grow to twice
    their width, as often as need be.
    """

    def __init__(self, starts: np.ndarray, counts: np.ndarray, width: int = 1, max_bins: int = _MAX_BINS):
        """Takes counts.

        Args:
          starts: [B] int64 first second of each bin, ascending, each a multiple of `width`.
          counts: [B] int64.
          width: Seconds.
          max_bins: Bins at most.
        """
        while len(starts) > max_bins:
            width *= 2
            starts, counts = _summed(starts // width * width, counts)
        self.starts, self.counts, self.width, self._max_bins = starts, counts, width, max_bins

    @classmethod
    def of(cls, times: np.ndarray, max_bins: int = _MAX_BINS) -> TimeHistogram:
        """Of [N] int64 seconds, in any order."""
        starts, counts = np.unique(times, return_counts=True)
        return cls(starts, counts, max_bins=max_bins)

    def plus(self, other: TimeHistogram) -> TimeHistogram:
        """Of the events of both."""
        width = max(self.width, other.width)
        starts = np.concatenate([h.starts // width * width for h in (self, other)])
        counts = np.concatenate([self.counts, other.counts])
        return TimeHistogram(*_summed(starts, counts), width, self._max_bins)

    @property
    def total(self) -> int:
        """All events."""
        return int(self.counts.sum())

    def time_of(self, position: int) -> int:
        """The first second of the bin that holds the event at a position of the time order."""
        return int(self.starts[np.searchsorted(np.cumsum(self.counts), position, side="right")])

    def count_before(self, second: int) -> int:
        """Events of the bins that begin before a second."""
        return int(self.counts[: np.searchsorted(self.starts, second)].sum())


def _summed(starts: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Adds up the counts of equal bins."""
    distinct, positions = np.unique(starts, return_inverse=True)
    return distinct, np.bincount(positions, weights=counts, minlength=len(distinct)).astype(np.int64)
