"""The three canonical tables that every data source is turned into."""

from __future__ import annotations

import pyarrow as pa

from schemas.features import (
    DWELL_SECONDS,
    EVENT_TYPE,
    ITEM_ID,
    TEXT,
    TIMESTAMP,
    TITLE,
    USER_ID,
    VALUE,
    TableLayout,
)


def interactions_schema(layout: TableLayout) -> pa.Schema:
    """Arrow schema of the canonical interactions.

    `user_id` string, `item_id` string, `timestamp` int64 (seconds since 1970 UTC), and, if the layout
    has them, `value` float32, `event_type` string and `dwell_seconds` float32, which may be null.
    """
    fields = [
        pa.field(USER_ID, pa.string(), nullable=False),
        pa.field(ITEM_ID, pa.string(), nullable=False),
        pa.field(TIMESTAMP, pa.int64(), nullable=False),
    ]
    if layout.has_value:
        fields.append(pa.field(VALUE, pa.float32(), nullable=False))
    if layout.has_event_type:
        fields.append(pa.field(EVENT_TYPE, pa.string(), nullable=False))
    if layout.has_dwell:
        fields.append(pa.field(DWELL_SECONDS, pa.float32()))
    return pa.schema(fields)


def items_schema(layout: TableLayout) -> pa.Schema:
    """Arrow schema of the canonical items.

    `item_id` string (unique), `title` string, `text` string if the layout has it, categories
    list<string>, numbers float32, vectors list<float32>. Attributes may be null.
    """
    fields = [
        pa.field(ITEM_ID, pa.string(), nullable=False),
        pa.field(TITLE, pa.string(), nullable=False),
    ]
    if layout.has_text:
        fields.append(pa.field(TEXT, pa.string()))
    fields += [pa.field(name, pa.list_(pa.string())) for name in layout.item_categories]
    fields += [pa.field(name, pa.float32()) for name in layout.item_numbers]
    fields += [pa.field(name, pa.list_(pa.float32())) for name, _ in layout.item_vectors]
    return pa.schema(fields)


def users_schema(layout: TableLayout) -> pa.Schema:
    """Arrow schema of the canonical users.

    `user_id` string (unique), categories string, numbers float32. Attributes may be null; users
    without attributes need no row.
    """
    fields = [pa.field(USER_ID, pa.string(), nullable=False)]
    fields += [pa.field(name, pa.string()) for name in layout.user_categories]
    fields += [pa.field(name, pa.float32()) for name in layout.user_numbers]
    return pa.schema(fields)
