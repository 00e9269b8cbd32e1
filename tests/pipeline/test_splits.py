"""Splits by time."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config.data import SplitConfig
from pipeline.errors import InputError
from pipeline.splits import TimeBoundaries, split_by_time, time_boundaries
from pipeline.time_histogram import TimeHistogram


def test_shares_of_even_times():
    boundaries = time_boundaries(TimeHistogram.of(np.arange(100)[::-1]), SplitConfig())
    assert boundaries == TimeBoundaries(eval_start=80, test_start=90)


def test_shares_are_the_configured_ones():
    boundaries = time_boundaries(TimeHistogram.of(np.arange(100)), SplitConfig(train=0.5, eval=0.2, test=0.3))
    assert boundaries == TimeBoundaries(eval_start=50, test_start=70)


def test_a_second_is_not_parted():
    # The 80% quantile falls into the run of 7s: all of them go to eval.
    times = np.array([1, 2, 3, 4, 5, 6, 7, 7, 7, 8])
    boundaries = time_boundaries(TimeHistogram.of(times), SplitConfig(train=0.8, eval=0.1, test=0.1))
    splits = split_by_time(pa.table({"timestamp": times}), boundaries)
    assert splits["train"]["timestamp"].to_pylist() == [1, 2, 3, 4, 5, 6]
    assert splits["eval"]["timestamp"].to_pylist() == [7, 7, 7]
    assert splits["test"]["timestamp"].to_pylist() == [8]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=80))
def test_splits_are_in_time_order_and_lose_nothing(times):
    table = pa.table({"timestamp": pa.array(times, pa.int64()), "row": np.arange(len(times))})
    try:
        boundaries = time_boundaries(
            TimeHistogram.of(np.array(times, np.int64)), SplitConfig(train=0.6, eval=0.2, test=0.2)
        )
    except InputError:
        return
    splits = split_by_time(table, boundaries)
    assert list(splits) == ["train", "eval", "test"]
    assert max(splits["train"]["timestamp"].to_pylist()) < min(splits["eval"]["timestamp"].to_pylist())
    assert max(splits["eval"]["timestamp"].to_pylist()) < min(splits["test"]["timestamp"].to_pylist())
    rows = [row for split in splits.values() for row in split["row"].to_pylist()]
    assert sorted(rows) == list(range(len(times)))


def test_an_empty_split_is_named():
    message = r"leaves 'train' empty \(train 0, eval 0, test 5 interactions\)"
    with pytest.raises(InputError, match=message):
        time_boundaries(TimeHistogram.of(np.full(5, 3)), SplitConfig())
    with pytest.raises(InputError, match=r"leaves 'eval' empty \(train 1, eval 0, test 9"):
        time_boundaries(TimeHistogram.of(np.array([1] + [2] * 9)), SplitConfig())


def test_no_interactions():
    with pytest.raises(InputError, match="no interactions"):
        time_boundaries(TimeHistogram.of(np.array([], np.int64)), SplitConfig())
