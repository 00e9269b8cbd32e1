"""The history that a request carries: its newest events, and the numbers that follow from them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tensorflow as tf

from pipeline.encoding import sparse
from schemas.features import (
    HISTORY_ITEM_IDS,
    HISTORY_TIMESTAMPS,
    TIMESTAMP,
    UNKNOWN_GAP,
    HistoryFeature,
    Statistic,
)

_TEN_YEARS = 10 * 365 * 86400
_MILLION = 1_000_000
_FARTHEST = 1 << 40  # seconds; 35,000 years


class _List(NamedTuple):
    """A list beside the newest items, [B, length] each.

    Attributes:
      places: int64, where among all values of the batch an item's value is.
      has: bool, whether there is one.
    """

    places: tf.Tensor
    has: tf.Tensor


class RequestHistory:
    """The newest events of each request of a batch, their lists laid beside each other.

    Items say which events there are. The other lists end with the newest event, as items do: a
    list that is shorter says nothing of the oldest events, and what is too much in front of one
    that is longer is left out. All outputs are padded behind to the same length.
    """

    def __init__(self, inputs: dict[str, Any], length: int):
        """Lays the lists beside each other.

        Args:
          inputs: Raw features: `timestamp` [B] int64, the lists of the history sparse.
          length: Newest events that are kept.
        """
        self._inputs = inputs
        self._length = length
        self._lists: dict[Any, _List] = {}
        self._count = tf.minimum(_lengths(inputs[HISTORY_ITEM_IDS]), length)
        self._has_time = self._has(inputs[HISTORY_TIMESTAMPS])
        times = self.newest(inputs[HISTORY_TIMESTAMPS], tf.constant(0, tf.int64))
        now = inputs[TIMESTAMP][:, tf.newaxis]
        # By a client's clock an event may come after the request; no difference may overflow.
        now, times = (tf.clip_by_value(x, -_FARTHEST, _FARTHEST) for x in (now, times))
        seconds = tf.maximum(now - times, 0)
        self._seconds = tf.where(self._has_time, seconds, 0)
        is_newest = tf.equal(tf.range(length, dtype=tf.int64), self._count - 1)
        after = tf.where(is_newest, now, tf.concat([times[:, 1:], now], axis=1))
        self._seconds_to_next = tf.maximum(after - times, 0)

    def newest(self, x: tf.SparseTensor, default: Any) -> tf.Tensor:
        """A list's values beside the newest items.

        Args:
          x: The list, [B, any length].
          default: Where an item has no value, and behind the last one.

        Returns:
          [B, length], oldest first.
        """
        # One more value, which stands for all that are not there.
        values = tf.concat([x.values, [default]], axis=0)
        laid = self._list(x)
        return tf.gather(values, tf.where(laid.has, laid.places, tf.size(x.values, tf.int64)))

    def ages(self) -> tf.Tensor:
        """log(1 + seconds before the request) of each event; [B, length] float32, 0 if not known."""
        return tf.math.log1p(tf.cast(self._seconds, tf.float32))

    def gaps(self) -> tf.Tensor:
        """log(1 + seconds to the next event, or to the request), or `UNKNOWN_GAP`; [B, length] float32."""
        gaps = tf.math.log1p(tf.cast(self._seconds_to_next, tf.float32))
        return tf.where(self._has_time, gaps, UNKNOWN_GAP)

    def share_of(self, feature: HistoryFeature) -> tf.SparseTensor:
        """A number made from the history: its log(1 + x) as a share of the largest that is usual.

        That is of ten years, of the history's length, or of a million. Negative ones count as 0.

        Returns:
          [B, 1] float32. Nothing is known, and the number absent, of events without times; a
          history without events has none for a recency and a mean.
        """
        values, present = self._number(feature)
        usual = {Statistic.RECENCY: _TEN_YEARS, Statistic.COUNT: self._length}
        highest = math.log1p(usual.get(feature.statistic, _MILLION))
        return sparse(tf.math.log1p(tf.maximum(values, 0.0)) / highest, present)

    def _number(self, feature: HistoryFeature) -> tuple[tf.Tensor, tf.Tensor]:
        """A number, and where it is known; [B] each."""
        counted = self._has_time
        if feature.source is not None:
            counted &= self._has(self._inputs[feature.source])
        # Of an empty history all is known, of one whose events tell nothing, nothing.
        known = tf.reduce_any(counted, axis=1) | (self._count[:, 0] == 0)
        if feature.statistic == Statistic.RECENCY:
            seconds = tf.where(counted, self._seconds, tf.int64.max)
            return tf.cast(tf.reduce_min(seconds, axis=1), tf.float32), tf.reduce_any(counted, axis=1)
        if feature.window_seconds is not None:
            counted &= self._seconds <= feature.window_seconds
        count = tf.reduce_sum(tf.cast(counted, tf.float32), axis=1)
        if feature.statistic == Statistic.COUNT:
            return count, known
        values = self.newest(self._inputs[str(feature.source)], 0.0)
        total = tf.reduce_sum(tf.where(counted, values, 0.0), axis=1)
        if feature.statistic == Statistic.SUM:
            return total, known
        return tf.math.divide_no_nan(total, count), count > 0

    def _has(self, x: tf.SparseTensor) -> tf.Tensor:
        """[B, length] bool: for which of the newest items a list has a value."""
        return self._list(x).has

    def _list(self, x: tf.SparseTensor) -> _List:
        """Where a list's values are, found once for all with the same indices: it is much of the graph."""
        key = x.indices.ref()
        if key not in self._lists:
            lengths = _lengths(x)
            beside = tf.range(self._length, dtype=tf.int64)
            places = lengths - self._count + beside  # negative where the list is too short
            starts = tf.cumsum(lengths, exclusive=True)
            self._lists[key] = _List(starts + places, (beside < self._count) & (places >= 0))
        return self._lists[key]


def _lengths(x: tf.SparseTensor) -> tf.Tensor:
    """[B, 1] int64: how many values each row of a list has."""
    rows = x.indices[:, 0]
    return tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, x.dense_shape[0])[:, tf.newaxis]
