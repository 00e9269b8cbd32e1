"""Ids that look alike."""

import pyarrow as pa
import pytest

from pipeline.preparation.look_alikes import LookAlikes


@pytest.mark.parametrize(
    ("ids", "count"),
    [
        ([], 0),
        (["ann", "bob", "ann"], 0),
        (["ann", "Ann", " ann", "bob"], 3),
        (["ÄRA", "ära\t", "茶", "x", "X"], 4),
    ],
)
def test_count(ids, count):
    whole = LookAlikes()
    whole.see(pa.chunked_array([ids], pa.string()))
    assert whole.count() == count
    parts = []
    for part in (ids[:2], ids[2:]):
        seen = LookAlikes()
        seen.see(pa.chunked_array([part], pa.string()))
        parts.append(seen.pairs)
    assert LookAlikes(parts).count() == count
    assert not [
        v for table in parts for v in table.to_pydict().values() if any(isinstance(x, str) for x in v)
    ]
