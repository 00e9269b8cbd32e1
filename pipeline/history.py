"""What a user did before: histories at the moment of each interaction, without leaks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from schemas.features import (
    HISTORY_ITEM_IDS,
    HISTORY_VALUES,
    ITEM_ID,
    TIMESTAMP,
    USER_ID,
    VALUE,
    TableLayout,
)


def with_history(interactions: pa.Table, layout: TableLayout, length: int) -> pa.Table:
    """Adds to each interaction what its user did strictly before it.

    Events of the same second are not each other's history: which came first is not known.

    Args:
      interactions: Canonical interactions, in any order.
      layout: Says whether interactions have values.
      length: Newest interactions kept in a history.

    Returns:
      The interactions in time order (ties in their given order), with `history_item_ids`
      list<string> and, if the layout has values, `history_values` list<float>, oldest first.
    """
    interactions = interactions.take(pa.array(_stable_order(interactions[TIMESTAMP].to_numpy())))
    times = interactions[TIMESTAMP].to_numpy()
    users = _codes(interactions[USER_ID])
    by_user = np.lexsort((times, users))  # stable: within a user by time, ties in their given order
    first = _run_starts(users[by_user])
    starts_of_second = _run_starts(users[by_user], times[by_user])
    # In the order `by_user`, the history of position p is [begin[p], end[p]).
    end = starts_of_second
    begin = np.maximum(first, end - length)
    position = np.empty(len(times), np.int64)
    position[by_user] = np.arange(len(times))
    begin, end = begin[position], end[position]

    def history(column: str, value_type: pa.DataType) -> pa.Array:
        lengths = end - begin
        offsets = np.append(0, np.cumsum(lengths))
        flat = np.repeat(begin - offsets[:-1], lengths) + np.arange(offsets[-1])
        values = interactions[column].take(pa.array(by_user[flat])).combine_chunks()
        return _lists(offsets, values, value_type)

    interactions = interactions.append_column(HISTORY_ITEM_IDS, history(ITEM_ID, pa.string()))
    if layout.has_value:
        interactions = interactions.append_column(HISTORY_VALUES, history(VALUE, pa.float32()))
    return interactions


def _lists(offsets: np.ndarray, values: pa.Array | pa.ChunkedArray, value_type: pa.DataType) -> pa.Array:
    """A list array; wider offsets where 32 bits do not reach."""
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], value_type)
    if offsets[-1] < 2**31:
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), values)


def _stable_order(times: np.ndarray) -> np.ndarray:
    return np.argsort(times, kind="stable")


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """Integers that are equal where the strings are."""
    return column.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)


def _run_starts(*keys: np.ndarray) -> np.ndarray:
    """For each position, where the run of equal keys that it stands in begins."""
    if len(keys[0]) == 0:
        return np.zeros(0, np.int64)
    changed = np.zeros(len(keys[0]), bool)
    changed[0] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    starts = np.flatnonzero(changed)
    return starts[np.cumsum(changed) - 1]
