"""The table of rejected rows, and the names of the rules that reject them."""

from __future__ import annotations

from enum import Enum

import pyarrow as pa

from schemas.features import ITEM_ID, TIMESTAMP, USER_ID


class Rule(str, Enum):
    """Why a row, or a part of it, was left out."""

    # Of a single row.
    UNPARSABLE_ROW = "unparsable_row"  # another number of cells than the header's
    NOT_UTF8 = "not_utf8"  # bytes that are no UTF-8
    MISSING_KEY = "missing_key"  # no user, item, time, or other value that must be there
    BAD_ID = "bad_id"  # an id with a line break, or longer than MAX_ID_BYTES
    UNPARSABLE_VALUE = "unparsable_value"  # no number or time where one must be
    IMPOSSIBLE_TIME = "impossible_time"  # before the earliest or after the latest day
    IMPOSSIBLE_VALUE = "impossible_value"  # outside the configured bounds
    # Of a single cell that may be missing: the cell is emptied or cut, the row stays.
    UNPARSABLE_ATTRIBUTE = "unparsable_attribute"
    CUT_TEXT = "cut_text"
    # Of a row among others.
    DUPLICATE = "duplicate"  # an id, or a user's event, that an earlier row has
    REPEATED_PRIOR = "repeated_prior"  # a prior event told again by a later row
    TAKEN_UP = "taken_up"  # an exposure in a list of which the user took up the item
    REPEATED_EVENT = "repeated_event"  # of the gateway: the same at the same second
    CANCELLED = "cancelled"  # a purchase that was taken back, and what took it back
    BURST = "burst"  # of a user who did more than a person can
    RARE_ITEM = "rare_item"  # with an item of too few users
    RARE_USER = "rare_user"  # of a user with too few events
    # Of a person's rights; counted, and not kept.
    RETENTION = "retention"  # older than the configured age
    ERASED = "erased"  # of a person who was erased


NOT_DROPPED = (Rule.UNPARSABLE_ATTRIBUTE, Rule.CUT_TEXT)
# What a source may well hold; the others are faults, and too many of them stop a run.
NO_FAULTS = (
    *NOT_DROPPED,
    Rule.TAKEN_UP,
    Rule.REPEATED_EVENT,
    Rule.REPEATED_PRIOR,
    Rule.RARE_ITEM,
    Rule.RARE_USER,
    Rule.RETENTION,
    Rule.ERASED,
)
NOT_KEPT = (Rule.RETENTION, Rule.ERASED)

TABLE = "table"
RULE = "rule"
FILE = "file"
ROW = "row"
DETAIL = "detail"

# One row a rejected row. User ids are pseudonyms wherever the pipeline has pseudonyms.
QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field(TABLE, pa.string(), nullable=False),  # interactions, items or users
        pa.field(RULE, pa.string(), nullable=False),
        pa.field(FILE, pa.string(), nullable=False),
        pa.field(ROW, pa.int64(), nullable=False),  # number in its file, the first one 1
        pa.field(USER_ID, pa.string()),
        pa.field(ITEM_ID, pa.string()),
        pa.field(TIMESTAMP, pa.int64()),
        pa.field(DETAIL, pa.string()),
    ]
)
