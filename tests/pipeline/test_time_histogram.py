"""Counts by time, against all the times."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.time_histogram import TimeHistogram

TIMES = st.lists(st.integers(0, 10_000), min_size=1, max_size=60)


@given(TIMES, TIMES)
def test_exact_while_there_is_room(left, right):
    histogram = TimeHistogram.of(np.array(left)).plus(TimeHistogram.of(np.array(right)))
    times = sorted([*left, *right])
    assert histogram.width == 1
    assert histogram.total == len(times)
    assert [histogram.time_of(i) for i in range(len(times))] == times
    assert all(histogram.count_before(t) == sum(x < t for x in times) for t in times)


@given(TIMES, TIMES)
def test_bins_grow_when_there_is_none_and_lose_nothing(left, right):
    histogram = TimeHistogram.of(np.array(left), max_bins=4).plus(
        TimeHistogram.of(np.array(right), max_bins=4)
    )
    times = sorted([*left, *right])
    assert len(histogram.starts) <= 4
    assert histogram.total == len(times)
    for position, time in enumerate(times):
        start = histogram.time_of(position)
        assert start <= time < start + histogram.width
        assert histogram.count_before(start) == sum(x < start for x in times)
