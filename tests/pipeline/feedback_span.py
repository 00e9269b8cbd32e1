"""A span of the gateway's events, as `recstack events export` writes it."""

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.feedback import FEEDBACK_SCHEMA, KEY_METADATA


def write_feedback(spans, day, rows, key=""):
    """Writes rows of `user_id, item_id, timestamp, event_type` and whatever else each has."""
    schema = FEEDBACK_SCHEMA.with_metadata({KEY_METADATA: key.encode()})
    rows = [{"event_id": f"{day}.{number}", **row} for number, row in enumerate(rows)]
    path = spans / day / "events.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)
    pq.write_table(table, path)
    return path
