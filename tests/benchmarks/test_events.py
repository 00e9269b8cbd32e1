"""The benchmark of the event log, for a moment."""

import asyncio

import pytest

from benchmarks.events import measure, syncs_per_second


def test_a_row_counts_what_was_kept(tmp_path):
    row = asyncio.run(measure(tmp_path / "log", batch=10, callers=2, seconds=0.2))
    assert row["calls_per_second"] > 0
    assert row["events_per_second"] == pytest.approx(row["calls_per_second"] * 10)
    assert 0 < row["p50_ms"] <= row["p99_ms"]
    assert syncs_per_second(tmp_path, 0.1) > 0
