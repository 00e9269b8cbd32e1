"""The table of what people did with what they were shown, as the gateway writes it out day by day."""

from __future__ import annotations

import pyarrow as pa

from schemas.features import DWELL_SECONDS, EVENT_TYPE, ITEM_ID, TIMESTAMP, USER_ID, VALUE

EVENT_ID = "event_id"
REQUEST_ID = "request_id"
RANK = "rank"
MODEL_VERSION = "model_version"
PROPENSITY = "propensity"
ARM = "arm"

# In the file's metadata: the fingerprint of the pseudonyms' key, empty for raw ids.
KEY_METADATA = b"recstack.pseudonym_key"

# Ids of users are as the run stores them. What follows `request_id` is known of events that name a list
# which was served to their user, and `propensity` of those whose item the list had.
FEEDBACK_SCHEMA = pa.schema(
    [
        pa.field(USER_ID, pa.string(), nullable=False),
        pa.field(ITEM_ID, pa.string(), nullable=False),
        pa.field(TIMESTAMP, pa.int64(), nullable=False),  # seconds since 1970 UTC
        pa.field(EVENT_TYPE, pa.string(), nullable=False),
        pa.field(VALUE, pa.float32()),
        pa.field(DWELL_SECONDS, pa.float32()),
        pa.field(EVENT_ID, pa.string(), nullable=False),
        pa.field(REQUEST_ID, pa.string()),
        pa.field(RANK, pa.int32()),  # from 1
        pa.field(MODEL_VERSION, pa.int64()),
        pa.field(PROPENSITY, pa.float32()),
        pa.field(ARM, pa.string()),
    ]
)
