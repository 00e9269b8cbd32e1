"""What a user did before: histories at the moment of each interaction, without leaks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.distinct import distinct_texts
from pipeline.roles import enters_history, is_example
from schemas.features import (
    DWELL_SECONDS,
    EVENT_TYPE,
    HISTORY_DWELL_SECONDS,
    HISTORY_EVENT_TYPES,
    HISTORY_ITEM_IDS,
    HISTORY_TIMESTAMPS,
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
    Exposures (`layout.exposure_types`) are nobody's history; events of `layout.prior_types` are
    history only, and get no row of their own.

    Args:
      interactions: Canonical interactions, in any order.
      layout: Says what interactions have, and what part their types play.
      length: Newest interactions kept in a history.
      since: Seconds since 1970 UTC; what happened before that moment is history only as well. By
        default every interaction that is an example gets a row.

    Returns:
      The interactions in time order (ties in their given order), with `history_item_ids`
      list<string>, `history_timestamps` list<int64> and, if the layout has them, `history_values`
      list<float>, `history_event_types` list<string> and `history_dwell_seconds` list<float> (0.0
      where it is not known). The lists are equally long, oldest first.
    """
    interactions = _in_time_order(interactions)
    times = interactions[TIMESTAMP].to_numpy()
    _, users = distinct_texts(interactions[USER_ID])
    by_user = np.argsort(users, kind="stable")  # within a user still in time order
    enters = enters_history(interactions, layout)[by_user]
    # Positions among those in `by_user` that enter a history: an interaction's is [begin, end).
    entered = np.append(0, np.cumsum(enters))
    first_of_user = entered[_run_starts(users[by_user])]
    end = entered[_run_starts(users[by_user], times[by_user])]  # where its second begins
    begin = np.maximum(first_of_user, end - length)
    position = np.empty(len(times), np.int64)
    position[by_user] = np.arange(len(times))
    kept = is_example(interactions, layout)
    if since is not None:
        kept &= times >= since
    position = position[kept]
    table = interactions.filter(pa.array(kept))
    return append_histories(table, interactions, layout, by_user[enters], begin[position], end[position])


def user_histories(interactions: pa.Table, layout: TableLayout) -> pa.Table:
    """All that each user did: the profile that a server starts from.

    Args:
      interactions: Canonical interactions, in any order. Exposures do not count.
      layout: Says what interactions have, and what part their types play.

    Returns:
      One row for each user who did anything, by `user_id`, with the lists of
      :func:`with_history`, whole, oldest first (ties in their given order).
    """
    interactions = interactions.filter(pa.array(enters_history(interactions, layout)))
    interactions = _in_time_order(interactions)
    _, users = distinct_texts(interactions[USER_ID])
    by_user = np.argsort(users, kind="stable")
    begin = np.unique(_run_starts(users[by_user]))
    end = np.append(begin[1:], len(users))[: len(begin)]
    ids = interactions[USER_ID].take(pa.array(by_user[begin]))
    by_id = pc.sort_indices(ids).to_numpy()
    ids, begin, end = ids.take(pa.array(by_id)), begin[by_id], end[by_id]
    table = pa.Table.from_arrays([ids], schema=pa.schema([pa.field(USER_ID, pa.string(), nullable=False)]))
    return append_histories(table, interactions, layout, by_user, begin, end)


def _in_time_order(interactions: pa.Table) -> pa.Table:
    """Sorted by time, ties in their given order."""
    return interactions.take(pa.array(np.argsort(interactions[TIMESTAMP].to_numpy(), kind="stable")))


def append_histories(
    table: pa.Table,
    interactions: pa.Table,
    layout: TableLayout,
    order: np.ndarray,
    begin: np.ndarray,
    end: np.ndarray,
) -> pa.Table:
    """Gives each row of a table the lists of a history.

    Args:
      table: [R] rows.
      interactions: What may be in a history.
      layout: Says what interactions have.
      order: [E] rows of `interactions`.
      begin: [R] where in `order` a row's history begins.
      end: [R] where it ends.
    """
    for name, source, kind in _history_columns(layout):
        values = interactions[source].combine_chunks()
        if source == DWELL_SECONDS:
            values = values.fill_null(0.0)
        table = table.append_column(name, _lists(values, kind, order, begin, end))
    return table


def _history_columns(layout: TableLayout) -> list[tuple[str, str, pa.DataType]]:
    """Each list of a history, what it lists, and the type of its values."""
    columns = [(HISTORY_ITEM_IDS, ITEM_ID, pa.string()), (HISTORY_TIMESTAMPS, TIMESTAMP, pa.int64())]
    if layout.has_value:
        columns.append((HISTORY_VALUES, VALUE, pa.float32()))
    if layout.has_event_type:
        columns.append((HISTORY_EVENT_TYPES, EVENT_TYPE, pa.string()))
    if layout.has_dwell:
        columns.append((HISTORY_DWELL_SECONDS, DWELL_SECONDS, pa.float32()))
    return columns


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
