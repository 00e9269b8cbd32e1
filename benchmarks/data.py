"""Times the data steps on synthetic events of growing number, and says how time and memory grow.

    python -m benchmarks.data --sizes 100000 1000000 10000000 --output data.json

Events have a long tail: item popularity falls as 1 / rank, users' activity is log-normal. Each size
runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_EVENTS_PER_USER = 40
_EVENTS_PER_ITEM = 50
_ROWS_PER_GROUP = 1 << 17
_FIRST_SECOND = 1_600_000_000
_SECONDS = 365 * 86400
_KINDS = np.array(["view", "basket", "purchase"], dtype=object)


def write_events(folder: Path, num_events: int, seed: int = 42) -> None:
    """Writes `log.parquet` and `items.parquet`, piece by piece.

    Args:
      folder: Where to.
      num_events: Rows of the log; about 40 a user and 50 an item.
      seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    num_users = max(num_events // _EVENTS_PER_USER, 100)
    num_items = max(num_events // _EVENTS_PER_ITEM, 100)
    activity = np.cumsum(rng.lognormal(0, 1.2, num_users))
    schema = pa.schema(
        [
            ("user_id", pa.string()),
            ("item_id", pa.string()),
            ("timestamp", pa.int64()),
            ("kind", pa.string()),
            ("amount", pa.float32()),
        ]
    )
    with pq.ParquetWriter(folder / "log.parquet", schema) as writer:
        for start in range(0, num_events, _ROWS_PER_GROUP):
            count = min(_ROWS_PER_GROUP, num_events - start)
            users = np.searchsorted(activity, rng.random(count) * activity[-1])
            # 1 / rank, by inversion of its logarithmic distribution function.
            items = np.minimum(np.exp(rng.random(count) * np.log(num_items)), num_items) - 1
            columns = [
                pa.array(np.char.add("user-", users.astype(str))),
                pa.array(np.char.add("item-", items.astype(np.int64).astype(str))),
                pa.array(_FIRST_SECOND + rng.integers(0, _SECONDS, count)),
                pa.array(rng.choice(_KINDS, count, p=[0.8, 0.15, 0.05])),
                pa.array(rng.lognormal(2, 1, count).astype(np.float32)),
            ]
            writer.write_table(pa.table(columns, schema=schema))
    ids = np.char.add("item-", np.arange(num_items).astype(str))
    titles = np.char.add("Thing number ", np.arange(num_items).astype(str))
    departments = np.char.add("department ", (np.arange(num_items) % 23).astype(str))
    prices = rng.lognormal(2, 1, num_items).astype(np.float32)
    items_table = {"item_id": ids, "title": titles, "department": departments, "price": prices}
    pq.write_table(pa.table(items_table), folder / "items.parquet")
