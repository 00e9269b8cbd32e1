"""The folds of the protocol `rating`: a random cross-validation of what values users give.

What a query knows are its user's other events: of a training example, all of the training split but
itself; of an eval example, the training split; of a test example, both. An event may know later ones, as a
fold is drawn without regard to time, and as every method that is judged this way does.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.distinct import distinct_texts
from pipeline.history import append_histories
from pipeline.splits import EVAL, TEST, TRAIN
from schemas.features import TIMESTAMP, USER_ID, TableLayout

NUM_FOLDS = 5

_EVAL_SHARE = 0.05  # of what may be learnt from; it says when to stop


def draw_folds(num_events: int, seed: int, num_folds: int = NUM_FOLDS) -> np.ndarray:
    """[E] int64, the fold in which each event is tested; their sizes differ by one at most."""
    return np.random.default_rng(seed).permutation(num_events) % num_folds


def part(log: pa.Table, folds: np.ndarray, fold: int) -> tuple[pa.Table, pa.Table]:
    """What may be learnt from and what is tested in a fold, in the order of the log."""
    return log.filter(pa.array(folds != fold)), log.filter(pa.array(folds == fold))


def fold_tables(
    log: pa.Table, layout: TableLayout, folds: np.ndarray, fold: int, seed: int, history_length: int
) -> dict[str, pa.Table]:
    """The splits of a fold, with histories; `train` and `eval` are drawn from what may be learnt from.

    Args:
      log: Canonical interactions of distinct pairs of user and item, without histories.
      layout: Its optional columns.
      folds: [E] of :func:`draw_folds`.
      fold: The one that is tested.
      seed: Of the draws.
      history_length: Events of a user that are in histories at most; of more, a sample is, which all
        queries of the user that know the same events share.
    """
    _, users = distinct_texts(log[USER_ID])
    times = log[TIMESTAMP].to_numpy()
    rng = np.random.default_rng([seed, fold])
    is_eval = (folds != fold) & (rng.random(len(folds)) < _EVAL_SHARE)
    is_train = (folds != fold) & ~is_eval
    drawn = rng.permutation(len(folds))

    def with_others(asked: np.ndarray, known: np.ndarray) -> pa.Table:
        pool = _pool(users, times, known, drawn, history_length)
        rows = np.flatnonzero(asked)
        order, begin, end = other_events(users, rows, pool)
        return append_histories(log.take(pa.array(rows)), log, layout, order, begin, end)

    return {
        TRAIN: with_others(is_train, is_train),
        EVAL: with_others(is_eval, is_train),
        TEST: with_others(folds == fold, folds != fold),
    }


def _pool(
    users: np.ndarray, times: np.ndarray, known: np.ndarray, drawn: np.ndarray, length: int
) -> np.ndarray:
    """Events, by user and time: of each user the `length` known ones that were drawn first."""
    events = np.flatnonzero(known)
    events = events[np.lexsort((drawn[events], users[events]))]
    first = np.searchsorted(users[events], users[events])
    events = events[np.arange(len(events)) - first < length]
    return events[np.lexsort((times[events], users[events]))]


def other_events(
    users: np.ndarray, rows: np.ndarray, pool: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each row the events of its user in a pool, without itself.

    Args:
      users: [E] int, of all events.
      rows: [R] events.
      pool: [P] events, by user.

    Returns:
      Events, and of each row where its own begin and end, [R] each.
    """
    of_pool = users[pool]
    start, stop = (np.searchsorted(of_pool, users[rows], side) for side in ("left", "right"))
    place = np.full(len(users), -1, np.int64)
    place[pool] = np.arange(len(pool))
    own = place[rows]
    counts = stop - start - (own >= 0)
    end = np.cumsum(counts)
    begin = end - counts
    places = np.arange(counts.sum()) + np.repeat(start - begin, counts)
    own_or_never = np.where(own >= 0, own, len(pool))
    places += places >= np.repeat(own_or_never, counts)  # its own place is passed over
    return pool[places], begin, end


def errors(estimates: np.ndarray, values: np.ndarray, learnt: np.ndarray) -> dict[str, float]:
    """RMSE and mean absolute error of estimates, clipped to the range of the values learnt from."""
    clipped = np.clip(estimates.astype(np.float64), learnt.min(), learnt.max())
    wrong = clipped - values
    return {"rmse": float(np.sqrt(np.mean(wrong**2))), "mae": float(np.mean(np.abs(wrong)))}
