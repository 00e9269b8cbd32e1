"""Requests by configured categories of the user, the item or the request."""

from __future__ import annotations

import calendar
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.features import HOUR_OF_DAY, ITEM_ID, TIMESTAMP, WEEKDAY, FeatureSet, Stream
from serving.interactions import read_items
from serving.judged_interactions import JudgedInteractions
from serving.list_evaluation.slices import Slices, by_codes, by_values

_HOUR = 3600
_WEEKDAY_OF_THE_EPOCH = 3  # 1 January 1970 was a Thursday


def attribute_slices(
    data: JudgedInteractions,
    queries: np.ndarray,
    names: Sequence[str],
    features: FeatureSet,
    items_dir: str,
) -> Slices:
    """Parts requests by each of some categories.

    Args:
      data: The interactions.
      queries: [R] numbers of those that are asked, in rising order; the slices hold places among them.
      names: The categories, checked by :meth:`EvaluationConfig.check_slices`. Items' are the target's; hour
        and weekday are those of the request, in UTC.
      features: The declared features.
      items_dir: Artifact folder of the raw items.
    """
    of_items = {feature.name for feature in features.of(Stream.ITEMS)} & set(names)
    slices = _time_slices(data.table[TIMESTAMP].to_numpy()[queries], names)
    of_targets = _of_targets(data, queries, of_items, features, items_dir)
    slices |= {name: by_values(lists) for name, lists in of_targets}
    for name in names:
        if name not in slices:
            column = data.table[name].take(pa.array(queries))
            slices[name] = by_values(_as_lists(column))
    return {name: slices[name] for name in names}


def _time_slices(seconds: np.ndarray, names: Sequence[str]) -> Slices:
    hours = seconds // _HOUR
    weekdays = (hours // 24 + _WEEKDAY_OF_THE_EPOCH) % 7
    slices = {
        HOUR_OF_DAY: by_codes(hours % 24, [f"{hour:02}" for hour in range(24)]),
        WEEKDAY: by_codes(weekdays, list(calendar.day_name)),
    }
    return {name: values for name, values in slices.items() if name in names}


def _of_targets(
    data: JudgedInteractions, queries: np.ndarray, names: set[str], features: FeatureSet, items_dir: str
) -> list[tuple[str, pa.Array]]:
    """Categories of the targets: name, and [R] lists of strings."""
    if not names:
        return []
    items = read_items(items_dir, features, {ITEM_ID, *names})
    rows = data.rows_of(items[ITEM_ID])
    places = np.full(len(data.item_ids), -1)
    places[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    of_targets = places[data.targets[queries]]
    chosen = pa.array(of_targets, mask=of_targets < 0)
    return [(name, items[name].combine_chunks().take(chosen)) for name in sorted(names)]


def _as_lists(column: pa.ChunkedArray) -> pa.Array:
    """Each string as a list of one, a null as an empty one."""
    whole = pa.concat_arrays(column.chunks)
    ends = np.cumsum(whole.is_valid().to_numpy(zero_copy_only=False))
    return pa.ListArray.from_arrays(pa.array(np.append(0, ends), pa.int32()), whole.drop_null())
