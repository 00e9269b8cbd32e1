"""The folds of `rating`: what is tested where, and what each query knows."""

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.rating_folds import NUM_FOLDS, draw_folds, errors, fold_tables, other_events, part
from pipeline.splits import EVAL, TEST, TRAIN
from schemas.features import TableLayout

LAYOUT = TableLayout(has_value=True)


def _log(seed=0, num_users=12, num_items=60):
    """Users with 20 to 40 distinct items each, in the order of time."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(20, 41, num_users)
    users = np.repeat(np.arange(num_users), counts)
    items = np.concatenate([rng.permutation(num_items)[:count] for count in counts])
    times = rng.integers(0, 10_000, len(users))
    order = np.argsort(times, kind="stable")
    return pa.table(
        {
            "user_id": [f"u{user}" for user in users[order]],
            "item_id": [f"i{item}" for item in items[order]],
            "timestamp": pa.array(times[order], pa.int64()),
            "value": pa.array(items[order] % 5, pa.float32()),
        }
    )


def _pairs(table):
    return set(zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True))


def _known(table):
    """What each row's history holds, as pairs."""
    rows = zip(table["user_id"].to_pylist(), table["history_item_ids"].to_pylist(), strict=True)
    return [{(user, item) for item in items} for user, items in rows]


@pytest.fixture(scope="module")
def case():
    log = _log()
    folds = draw_folds(log.num_rows, 7)
    return log, folds, fold_tables(log, LAYOUT, folds, 2, 7, history_length=1000)


def test_every_event_is_tested_once_and_folds_are_equal():
    folds = draw_folds(103, 7)
    assert np.bincount(folds).tolist() == [21, 21, 21, 20, 20]
    log = _log()
    folds = draw_folds(log.num_rows, 7)
    tested = [_pairs(part(log, folds, fold)[1]) for fold in range(NUM_FOLDS)]
    assert sum(map(len, tested)) == log.num_rows
    assert set.union(*tested) == _pairs(log)


def test_the_splits_of_a_fold_are_apart_and_whole(case):
    log, folds, tables = case
    learnt, tested = part(log, folds, 2)
    assert _pairs(tables[TEST]) == _pairs(tested)
    assert _pairs(tables[TRAIN]) | _pairs(tables[EVAL]) == _pairs(learnt)
    assert not _pairs(tables[TRAIN]) & _pairs(tables[EVAL])
    assert 0 < tables[EVAL].num_rows < 0.1 * learnt.num_rows


def test_each_query_knows_its_users_other_events_and_nothing_that_is_tested(case):
    _, _, tables = case
    train, both = _pairs(tables[TRAIN]), _pairs(tables[TRAIN]) | _pairs(tables[EVAL])
    for name, knowable in ((TRAIN, train), (EVAL, train), (TEST, both)):
        table = tables[name]
        pairs = zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True)
        for (user, item), known in zip(pairs, _known(table), strict=True):
            assert known == {pair for pair in knowable if pair[0] == user} - {(user, item)}


def test_histories_are_in_the_order_of_time_with_their_values(case):
    _, _, tables = case
    table = tables[TEST]
    for times in table["history_timestamps"].to_pylist():
        assert times == sorted(times)
    lists = zip(table["history_item_ids"].to_pylist(), table["history_values"].to_pylist(), strict=True)
    for items, values in lists:
        assert values == [float(int(item[1:]) % 5) for item in items]


def test_long_histories_are_a_sample_that_a_users_queries_share():
    log = _log()
    tables = fold_tables(log, LAYOUT, draw_folds(log.num_rows, 7), 0, 7, history_length=6)
    by_user = {}
    for user, known in zip(tables[TEST]["user_id"].to_pylist(), _known(tables[TEST]), strict=True):
        assert len(known) == 6
        assert by_user.setdefault(user, known) == known
    assert {len(known) for known in _known(tables[TRAIN])} == {5, 6}  # one's own is left out


def test_other_events_by_hand():
    users = np.array([0, 1, 0, 0, 1])
    order, begin, end = other_events(users, np.array([2, 3, 4]), np.array([0, 2, 1, 4]))
    lists = [order[b:e].tolist() for b, e in zip(begin, end, strict=True)]
    assert lists == [[0], [0, 2], [1]]


def test_the_seed_decides():
    log = _log()
    first, again, other = (
        fold_tables(log, LAYOUT, draw_folds(log.num_rows, seed), 0, seed, 8)[TRAIN] for seed in (7, 7, 8)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_errors_are_of_clipped_estimates():
    figures = errors(np.array([9.0, 2.0, -3.0]), np.array([5.0, 4.0, 2.0]), np.array([1.0, 5.0]))
    assert figures["rmse"] == pytest.approx(np.sqrt((0 + 4 + 1) / 3))
    assert figures["mae"] == pytest.approx(1.0)
