"""What a user did before: histories at the moment of each interaction, without leaks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.features import (
    HISTORY_ITEM_IDS,
    HISTORY_VALUES,
    ITEM_ID,
    TIMESTAMP,
    USER_ID,
    VALUE,
    TableLayout,
)

# Values of a chunk of lists. It bounds memory, and keeps a chunk's text within Arrow's 32-bit offsets.
_CHUNK_VALUES = 1 << 22


def with_history(
    interactions: pa.Table, layout: TableLayout, length: int, since: int | None = None
) -> pa.Table:
    """Adds to each interaction what its user did strictly before it.

    Events of the same second are not each other's history: which came first is not known.

    Args:
      interactions: Canonical interactions, in any order.
      layout: Says whether interactions have values.
      length: Newest interactions kept in a history.
      since: Seconds since 1970 UTC; what happened before that moment is history only, and gets no
        row of its own. By default every interaction gets one.

    Returns:
      The interactions in time order (ties in their given order), with `history_item_ids`
      list<string> and, if the layout has values, `history_values` list<float>, oldest first.
    """
    interactions = _in_time_order(interactions)
    times = interactions[TIMESTAMP].to_numpy()
    users = _codes(interactions[USER_ID])
    by_user = np.argsort(users, kind="stable")  # within a user still in time order
    # Positions in the order `by_user`: an interaction's history is [begin, end).
    first_of_user = _run_starts(users[by_user])
    end = _run_starts(users[by_user], times[by_user])  # where its second begins
    begin = np.maximum(first_of_user, end - length)
    position = np.empty(len(times), np.int64)
    position[by_user] = np.arange(len(times))
    first = 0 if since is None else int(np.searchsorted(times, since))
    position = position[first:]
    table = interactions.slice(first)
    return _append_histories(table, interactions, layout, by_user, begin[position], end[position])


def user_histories(interactions: pa.Table, layout: TableLayout) -> pa.Table:
    """All that each user did: the profile that a server starts from.

    Args:
      interactions: Canonical interactions, in any order.
      layout: Says whether interactions have values.

    Returns:
      One row for each user, by `user_id`, with `history_item_ids` list<string> and, if the layout
      has values, `history_values` list<float>, oldest first (ties in their given order).
    """
    interactions = _in_time_order(interactions)
    users = _codes(interactions[USER_ID])
    by_user = np.argsort(users, kind="stable")
    begin = np.unique(_run_starts(users[by_user]))
    end = np.append(begin[1:], len(users))[: len(begin)]
    ids = interactions[USER_ID].take(pa.array(by_user[begin]))
    by_id = pc.sort_indices(ids).to_numpy()
    ids, begin, end = ids.take(pa.array(by_id)), begin[by_id], end[by_id]
    table = pa.Table.from_arrays([ids], schema=pa.schema([pa.field(USER_ID, pa.string(), nullable=False)]))
    return _append_histories(table, interactions, layout, by_user, begin, end)


def _in_time_order(interactions: pa.Table) -> pa.Table:
    """Sorted by time, ties in their given order."""
    return interactions.take(pa.array(np.argsort(interactions[TIMESTAMP].to_numpy(), kind="stable")))


def _append_histories(
    table: pa.Table,
    interactions: pa.Table,
    layout: TableLayout,
    order: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
) -> pa.Table:
    """Gives each row of `table` the interactions at `order[begin:end]`."""
    columns = [(HISTORY_ITEM_IDS, ITEM_ID, pa.string())]
    if layout.has_value:
        columns.append((HISTORY_VALUES, VALUE, pa.float32()))
    for name, source, kind in columns:
        values = interactions[source].combine_chunks()
        table = table.append_column(name, _lists(values, kind, order, begin, end))
    return table


def _lists(
    values: pa.Array, kind: pa.DataType, order: np.ndarray, begin: np.ndarray, end: np.ndarray
) -> pa.ChunkedArray:
    """The lists `values[order[begin[i]:end[i]]]`, cut into chunks."""
    lengths = end - begin
    reach = np.append(0, np.cumsum(lengths))
    full = np.searchsorted(reach, np.arange(_CHUNK_VALUES, reach[-1], _CHUNK_VALUES), side="right") - 1
    cuts = np.unique(np.append(0, full))
    chunks = []
    for start, stop in zip(cuts, np.append(cuts[1:], len(lengths)), strict=True):
        offsets = reach[start : stop + 1] - reach[start]
        flat = np.repeat(begin[start:stop] - offsets[:-1], lengths[start:stop]) + np.arange(offsets[-1])
        chosen = values.take(pa.array(order[flat]))
        chunks.append(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), chosen))
    return pa.chunked_array(chunks, pa.list_(kind))


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """Integers that are equal where the strings are; [N]."""
    return column.dictionary_encode().combine_chunks().indices.to_numpy(zero_copy_only=False)


def _run_starts(*keys: np.ndarray) -> np.ndarray:
    """For each position, where the run of equal keys that it stands in begins; [N]."""
    if len(keys[0]) == 0:
        return np.zeros(0, np.int64)
    changed = np.zeros(len(keys[0]), bool)
    changed[0] = True
    for key in keys:
        changed[1:] |= key[1:] != key[:-1]
    starts = np.flatnonzero(changed)
    return starts[np.cumsum(changed) - 1]
