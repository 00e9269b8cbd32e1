"""Earlier events against a plain oracle."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from serving.seen import EarlierEvents

EVENTS = st.lists(st.tuples(st.sampled_from(["u", "v", "用户"]), st.integers(-3, 9)), min_size=1, max_size=30)
QUERIES = st.lists(
    st.tuples(st.sampled_from(["u", "v", "nobody"]), st.integers(-4, 10), st.integers(0, 4)),
    min_size=1,
    max_size=10,
)


def _table(events):
    return pa.table(
        {
            "user_id": pa.array([event[0] for event in events], pa.string()),
            "timestamp": pa.array([event[1] for event in events], pa.int64()),
        }
    )


def _oracle(log, user, moment, left_out):
    earlier = sorted((t, place) for place, (u, t) in enumerate(log) if u == user and t < moment)
    return [place for _, place in earlier][: max(len(earlier) - left_out, 0)]


@given(EVENTS, QUERIES)
def test_equal_the_oracle(log, queries):
    earlier = EarlierEvents(_table(log), _table(queries))
    block = np.arange(len(queries))[::2]
    rows, counts = earlier.rows(block, np.array([queries[i][2] for i in block]))
    expected = [_oracle(log, *queries[i]) for i in block]
    assert counts.tolist() == [len(rows) for rows in expected]
    assert rows.tolist() == [row for rows in expected for row in rows]


def test_no_query():
    rows, counts = EarlierEvents(_table([("u", 1)]), _table([])).rows(np.zeros(0, int), np.zeros(0, int))
    assert len(rows) == len(counts) == 0
