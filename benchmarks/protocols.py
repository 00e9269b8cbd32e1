"""How a data set is split for judging, and what each query of a split knows.

| protocol       | train                               | test                                               |
|----------------|-------------------------------------|----------------------------------------------------|
| random-75      | 75% of each user's items, at random | the others, all at once; nothing has a time        |
| leave-last-out | all but the last item of each user  | the last (ties by the order of the file)           |
| last-fifth     | the first 80% of each user's items  | the others, all at once, asked when the first came |
| cold-items     | the events of nine items in ten     | those of the others, known by their features alone |
| cold-users     | the events of nine users in ten     | the others' after their first five, which are told |

Each is split a second time in the same way, train into train and eval, for everything that is chosen:
when to stop, how scores are fused, hyperparameters. A query of the test split knows the events of both.
In the end models learn from both, each event with what came before it: what is asked at once in the eval
split is learnt one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.distinct import distinct_texts
from pipeline.history import append_histories
from pipeline.splits import EVAL, TEST, TRAIN
from schemas.features import ITEM_ID, TIMESTAMP, USER_ID, TableLayout

REFIT = "refit"

_COLD_SHARE = 0.1
_GIVEN_TO_COLD_USERS = 5
_MAX_EVAL = 20_000  # events, drawn: each carries a whole history

# What part an event plays, in the order in which events are known.
_GIVEN, _TRAIN, _EVAL, _TEST = range(4)


@dataclass(frozen=True)
class Events:
    """A log as numbers, each user's events in the order of time.

    Attributes:
      users: [E] int.
      items: [E] int.
      times: [E] int64 seconds.
    """

    users: np.ndarray
    items: np.ndarray
    times: np.ndarray

    def from_the_end(self, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many of the user's events come after each one, and how many the user has; [E] each.

        Args:
          order: [E] a permutation of the events.
        """
        by_user = order[np.argsort(self.users[order], kind="stable")]
        counts = np.bincount(self.users)
        ends = np.cumsum(counts)[self.users[by_user]]
        after = np.empty(len(order), np.int64)
        after[by_user] = ends - 1 - np.arange(len(order))
        return after, counts[self.users]


@dataclass(frozen=True)
class Roles:
    """What part each event plays.

    Attributes:
      role: [E] one of the constants above.
      order: [E] a permutation: the order in which a user's events of one role are known.
      timeless: Whether the order means nothing, and no event has a time.
    """

    role: np.ndarray
    order: np.ndarray
    timeless: bool = False


def _random_75(events: Events, seed: int) -> Roles:
    order = np.random.default_rng(seed).permutation(len(events.users))
    after, counts = events.from_the_end(order)
    test = after < counts - np.round(counts * 0.75)
    evaluation = ~test & (after < counts - np.round(counts * 0.675))
    return Roles(np.select([test, evaluation], [_TEST, _EVAL], _TRAIN), order, timeless=True)


def _leave_last_out(events: Events, seed: int) -> Roles:
    order = np.arange(len(events.users))
    after, _ = events.from_the_end(order)
    return Roles(np.select([after == 0, after == 1], [_TEST, _EVAL], _TRAIN), order)


def _last_fifth(events: Events, seed: int) -> Roles:
    order = np.arange(len(events.users))
    after, counts = events.from_the_end(order)
    test = after < np.floor(counts * 0.2)
    evaluation = ~test & (after < np.floor(counts * 0.3))
    return Roles(np.select([test, evaluation], [_TEST, _EVAL], _TRAIN), order)


def _cold_items(events: Events, seed: int) -> Roles:
    cold, cold_in_eval = _drawn(events.items, seed)
    role = np.select([cold[events.items], cold_in_eval[events.items]], [_TEST, _EVAL], _TRAIN)
    return Roles(role, np.arange(len(role)))


def _cold_users(events: Events, seed: int) -> Roles:
    cold, cold_in_eval = _drawn(events.users, seed)
    order = np.arange(len(events.users))
    after, counts = events.from_the_end(order)
    given = counts - 1 - after < _GIVEN_TO_COLD_USERS
    is_cold = cold | cold_in_eval
    role = np.select([cold[events.users], cold_in_eval[events.users]], [_TEST, _EVAL], _TRAIN)
    return Roles(np.where(is_cold[events.users] & given, _GIVEN, role), order)


def _drawn(ids: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two tenths of the numbers that occur, each [max + 1] bool."""
    drawn = np.random.default_rng(seed).permutation(np.unique(ids))
    size = round(len(drawn) * _COLD_SHARE)
    masks = np.zeros([2, int(ids.max()) + 1], bool)
    masks[0, drawn[:size]] = masks[1, drawn[size : 2 * size]] = True
    return masks[0], masks[1]


PROTOCOLS: dict[str, Callable[[Events, int], Roles]] = {
    "random-75": _random_75,
    "leave-last-out": _leave_last_out,
    "last-fifth": _last_fifth,
    "cold-items": _cold_items,
    "cold-users": _cold_users,
}


@dataclass(frozen=True)
class ProtocolSplit:
    """A log, split by a protocol.

    Attributes:
      tables: `train`, `eval`, `test` and `refit`, with histories. All that is asked of a user of the test
        split is asked at once: one row a user. `refit` is all that is not tested, in training's form.
      query: [T] row of the test table, for each test event.
      relevant: [T] item id of each test event.
      timeless: Whether no event has a time.
    """

    tables: dict[str, pa.Table]
    query: np.ndarray
    relevant: pa.Array
    timeless: bool


def split_by_protocol(
    interactions: pa.Table, layout: TableLayout, protocol: str, seed: int, history_length: int
) -> ProtocolSplit:
    """Splits a log and gives each event what its query knows.

    Args:
      interactions: Canonical interactions of distinct pairs of user and item, without histories; each
        user's in the order of time, ties in the order of the file.
      layout: The source's optional columns.
      protocol: A key of `PROTOCOLS`.
      seed: Of the draws.
      history_length: Newest events in the history of a training example; those of the others are whole.
    """
    codes = [distinct_texts(interactions[name])[1] for name in (USER_ID, ITEM_ID)]
    events = Events(*codes, interactions[TIMESTAMP].to_numpy())
    roles = PROTOCOLS[protocol](events, seed)
    place = np.empty(len(roles.order), np.int64)
    place[roles.order] = np.arange(len(place))
    known_as = np.maximum(roles.role, _TRAIN)  # what is given is known as training events are
    by_user = np.lexsort((place, roles.role, events.users))
    times = np.full(len(place), int(np.median(events.times))) if roles.timeless else events.times
    log = _at_times(interactions, times)
    asked = log if roles.timeless else _at_times(interactions, _asked_at(events, known_as))
    span = _TEST + 1
    keys = events.users[by_user].astype(np.int64) * span + known_as[by_user]

    def with_histories(at: np.ndarray, end: np.ndarray, length: int | None = None) -> pa.Table:
        begin = np.searchsorted(keys, keys[at] // span * span)
        begin = begin if length is None else np.maximum(begin, end - length)
        return append_histories(asked.take(pa.array(by_user[at])), log, layout, by_user, begin, end)

    train, evaluation, test = (np.flatnonzero(roles.role[by_user] == role) for role in (_TRAIN, _EVAL, _TEST))
    drawn = np.random.default_rng(seed).permutation(len(evaluation))[:_MAX_EVAL]
    evaluation = evaluation[np.sort(drawn)]
    firsts, query = np.unique(np.searchsorted(keys, keys[test]), return_inverse=True)
    tables = {
        TRAIN: with_histories(train, train, history_length),
        EVAL: with_histories(evaluation, np.searchsorted(keys, keys[evaluation])),
        TEST: with_histories(firsts, firsts),
        REFIT: _in_sequence(log, layout, events, _learnt_in_the_end(events, roles), place, history_length),
    }
    relevant = interactions[ITEM_ID].take(pa.array(by_user[test])).combine_chunks()
    return ProtocolSplit(tables, query, relevant, roles.timeless)


def _at_times(interactions: pa.Table, times: np.ndarray) -> pa.Table:
    """The same events at other times."""
    column = interactions.column_names.index(TIMESTAMP)
    return interactions.set_column(column, TIMESTAMP, pa.array(times, pa.int64()))


def _learnt_in_the_end(events: Events, roles: Roles) -> np.ndarray:
    """[E] bool: all that is neither tested nor told of a user who is."""
    is_tested = np.zeros(int(events.users.max()) + 1, bool)
    is_tested[events.users[roles.role == _TEST]] = True
    told = (roles.role == _GIVEN) & is_tested[events.users]
    return (roles.role != _TEST) & ~told


def _in_sequence(
    log: pa.Table, layout: TableLayout, events: Events, kept: np.ndarray, place: np.ndarray, length: int
) -> pa.Table:
    """The events that are kept, in their order, each with the `length` of its user's before it."""
    rows = np.flatnonzero(kept)
    rows = rows[np.lexsort((place[rows], events.users[rows]))]
    users = events.users[rows]
    at = np.arange(len(rows))
    begin = np.maximum(np.searchsorted(users, users), at - length)
    return append_histories(log.take(pa.array(rows)), log, layout, rows, begin, at)


def _asked_at(events: Events, known_as: np.ndarray) -> np.ndarray:
    """[E] times: what is asked of a user at once has one time, not before anything that is known."""
    times = events.times.copy()
    for judged in (_EVAL, _TEST):
        earliest = np.full(int(events.users.max()) + 1, np.iinfo(np.int64).max)
        latest = np.zeros_like(earliest)
        own, known = known_as == judged, known_as < judged
        np.minimum.at(earliest, events.users[own], events.times[own])
        np.maximum.at(latest, events.users[known], events.times[known])
        times[own] = np.maximum(earliest, latest)[events.users[own]]
    return times
