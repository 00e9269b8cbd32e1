"""Which requests are of which kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.config.evaluation import EvaluationConfig
from schemas.features import TIMESTAMP, USER_ID
from serving.judged_interactions import JudgedInteractions

# Slice feature to its values to the numbers of the requests, of which each value has one at least.
Slices = dict[str, dict[str, np.ndarray]]

_DAY = 86400
_MAX_VALUES = 20
OTHERS, NONE = "(others)", "(none)"


def request_slices(data: JudgedInteractions, queries: np.ndarray, config: EvaluationConfig) -> Slices:
    """The slices that every evaluation has.

    | feature           | values                                                                           |
    |-------------------|----------------------------------------------------------------------------------|
    | `user`            | `cold` if what was learnt from has no event of the user, otherwise `warm`        |
    | `user_activity`   | by the events of the user before the request                                     |
    | `item`            | `cold` if what was learnt from has no event of the target, otherwise `warm`      |
    | `item_popularity` | of the target; see :func:`popularity_thirds`                                     |
    | `item_age`        | of the target: since its first event in the log, up to the request               |

    Args:
      data: The interactions.
      queries: [R] numbers of those that are asked, in rising order; the slices hold places among them.
      config: Where user activity and item age are parted.
    """
    targets, counts = data.targets[queries], data.train_counts
    table = data.table.select([USER_ID, TIMESTAMP]).take(pa.array(queries))
    known = pc.is_in(table[USER_ID], data.train[USER_ID].unique()).to_numpy()
    activity = np.concatenate([data.num_earlier(block) for block in data.blocks(queries)])
    days = (table[TIMESTAMP].to_numpy() - data.first_times[targets]) / _DAY
    return {
        "user": by_codes(known.astype(int), ("cold", "warm")),
        "user_activity": by_activity(activity, config.activity_edges),
        "item": by_codes((counts[targets] > 0).astype(int), ("cold", "warm")),
        "item_popularity": by_codes(popularity_thirds(counts)[targets], ("unseen", "tail", "middle", "head")),
        "item_age": by_age(days, config.age_edges_days),
    }


def by_codes(codes: np.ndarray, values: Sequence[str]) -> dict[str, np.ndarray]:
    """Parts requests.

    Args:
      codes: [R] which value each request has.
      values: The values.
    """
    parts = {value: np.flatnonzero(codes == code) for code, value in enumerate(values)}
    return {value: places for value, places in parts.items() if len(places)}


def popularity_thirds(counts: np.ndarray) -> np.ndarray:
    """Parts a corpus by popularity, so that each part has about a third of the events.

    Args:
      counts: [N] events of each item.

    Returns:
      [N] int: 0 unseen; 1 tail, 2 middle and 3 head: the share of the events that go to more popular items
      is two thirds at least, one third at least, and less. Items of one count are never parted.
    """
    order = np.sort(counts)[::-1]
    above = np.append(0, np.cumsum(order))[len(counts) - np.searchsorted(order[::-1], counts, side="right")]
    total = max(int(counts.sum()), 1)
    thirds = np.select([3 * above < total, 3 * above < 2 * total], [3, 2], 1)
    return np.where(counts > 0, thirds, 0)


def by_activity(events: np.ndarray, edges: Sequence[int]) -> dict[str, np.ndarray]:
    """Parts requests by the number of earlier events.

    Args:
      events: [R].
      edges: The last number of each part but the last part, rising.
    """
    firsts = [0, *(edge + 1 for edge in edges[:-1])]
    labels = [
        str(last) if first == last else f"{first}-{last}" for first, last in zip(firsts, edges, strict=True)
    ]
    return by_codes(np.searchsorted(edges, events, side="left"), [*labels, f"over {edges[-1]}"])


def by_age(days: np.ndarray, edges: Sequence[int]) -> dict[str, np.ndarray]:
    """Parts requests by age.

    Args:
      days: [R] float.
      edges: The first day of each part but the first part, rising.
    """
    labels = [f"under {edges[0]} days"]
    labels += [f"{first}-{after - 1} days" for first, after in pairwise(edges)]
    return by_codes(np.searchsorted(edges, days, side="right"), [*labels, f"{edges[-1]} days or more"])


def by_values(lists: pa.Array) -> dict[str, np.ndarray]:
    """Parts requests by a category; one of several values is in several parts.

    Args:
      lists: [R] lists of strings, the values of each request.

    Returns:
      The most frequent values, the others together as `(others)`, and what has no value as `(none)`.
    """
    names, requests, codes = _pairs(lists)
    counts = np.bincount(codes, minlength=len(names))
    by_frequency = np.lexsort((np.array(names), -counts))
    parts = {names[code]: requests[codes == code] for code in by_frequency[:_MAX_VALUES]}
    others = np.unique(requests[np.isin(codes, by_frequency[_MAX_VALUES:])])
    without = np.setdiff1d(np.arange(len(lists)), requests)
    rest: Mapping[str, np.ndarray] = {OTHERS: others, NONE: without}
    return {**parts, **{name: places for name, places in rest.items() if len(places)}}


def single_values(slices: Slices, num_requests: int) -> dict[str, np.ndarray]:
    """Slice feature to [R] the value of each request, empty where it has none.

    Args:
      slices: A feature of which a request has several values is left out.
      num_requests: How many there are, R.
    """
    found = {}
    for feature, parts in slices.items():
        if sum(len(places) for places in parts.values()) <= num_requests:
            found[feature] = np.full(num_requests, "", dtype=object)
            for value, places in parts.items():
                found[feature][places] = value
    return found


def _pairs(lists: pa.Array) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The distinct values, and each request and the place of its value, once if it has it twice."""
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy()
    encoded = lists.flatten().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    pairs = np.repeat(np.arange(len(lists)), lengths) * max(len(names), 1) + encoded.indices.to_numpy()
    pairs = np.unique(pairs)
    return names, pairs // max(len(names), 1), pairs % max(len(names), 1)
