"""Each protocol's promise, on random logs."""

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.protocols import PROTOCOLS, REFIT, split_by_protocol
from pipeline.splits import EVAL, SPLITS, TEST, TRAIN
from schemas.features import TableLayout

LAYOUT = TableLayout(has_value=True)
LENGTH = 4


def _log(seed=0, num_users=30, num_items=60):
    """Users with 8 to 20 distinct items each, several of them in one second."""
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(num_users):
        items = rng.permutation(num_items)[: rng.integers(8, 21)]
        times = np.sort(rng.integers(0, 30, len(items)))
        rows += [
            (f"u{user}", f"i{item}", 100 + int(t), float(item % 5))
            for item, t in zip(items, times, strict=True)
        ]
    users, items, times, values = zip(*rows, strict=True)
    return pa.table(
        {
            "user_id": users,
            "item_id": items,
            "timestamp": pa.array(times, pa.int64()),
            "value": pa.array(values, pa.float32()),
        }
    )


def _of_users(table):
    """User to the items of a table, in its order."""
    found = {}
    for user, item in zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True):
        found.setdefault(user, []).append(item)
    return found


def _relevant(split):
    """User to the test items."""
    users = split.tables[TEST]["user_id"].to_pylist()
    found = {}
    for query, item in zip(split.query, split.relevant.to_pylist(), strict=True):
        found.setdefault(users[query], []).append(item)
    return found


def _histories(split):
    """User to what the test query knows."""
    table = split.tables[TEST]
    return dict(zip(table["user_id"].to_pylist(), table["history_item_ids"].to_pylist(), strict=True))


@pytest.fixture(scope="module", params=sorted(PROTOCOLS))
def case(request):
    log = _log()
    return request.param, log, split_by_protocol(log, LAYOUT, request.param, 7, LENGTH)


def test_a_query_knows_nothing_that_it_is_asked_for(case):
    _, _, split = case
    histories, relevant = _histories(split), _relevant(split)
    assert set(histories) == set(relevant)
    for user, items in relevant.items():
        assert items
        assert not set(items) & set(histories[user])


def test_a_query_knows_all_events_of_its_user_in_train_and_eval(case):
    protocol, log, split = case
    known = _of_users(log)
    for user, items in _relevant(split).items():
        assert set(_histories(split)[user]) == set(known[user]) - set(items), protocol


def test_an_eval_query_knows_what_came_before_eval_alone(case):
    _, _, split = case
    table, relevant = split.tables[EVAL], _relevant(split)
    evaluated = _of_users(table)
    histories = table["history_item_ids"].to_pylist()
    for user, history in zip(table["user_id"].to_pylist(), histories, strict=True):
        assert not set(history) & set(evaluated[user])
        assert not set(history) & set(relevant.get(user, []))


def test_training_never_sees_what_is_tested(case):
    protocol, _, split = case
    train, relevant = split.tables[TRAIN], _relevant(split)
    tested = {(user, item) for user, items in relevant.items() for item in items}
    pairs = zip(train["user_id"].to_pylist(), train["item_id"].to_pylist(), strict=True)
    assert not tested & set(pairs)
    if protocol == "cold-items":
        cold = {item for _, item in tested}
        assert not cold & set(train["item_id"].to_pylist())
        assert not cold & {item for items in train["history_item_ids"].to_pylist() for item in items}
    if protocol == "cold-users":
        assert not set(relevant) & set(train["user_id"].to_pylist())
        assert {len(history) for history in _histories(split).values()} == {5}


def test_histories_of_training_are_cut_and_come_before(case):
    _, _, split = case
    train = split.tables[TRAIN]
    seen: dict[str, list[str]] = {}
    rows = zip(
        train["user_id"].to_pylist(),
        train["item_id"].to_pylist(),
        train["history_item_ids"].to_pylist(),
        strict=True,
    )
    for user, item, history in rows:
        assert history == seen.setdefault(user, [])[-LENGTH:]
        seen[user].append(item)


def test_in_the_end_all_that_is_not_tested_is_learnt_one_after_the_other(case):
    protocol, log, split = case
    refit, relevant = split.tables[REFIT], _relevant(split)
    kept = {user: set(items) - set(relevant.get(user, [])) for user, items in _of_users(log).items()}
    if protocol == "cold-users":
        kept = {user: items for user, items in kept.items() if user not in relevant}
    learnt = _of_users(refit)
    assert {user: set(items) for user, items in learnt.items()} == kept
    assert {user: len(items) for user, items in learnt.items()} == {u: len(i) for u, i in kept.items()}
    places = dict.fromkeys(learnt, 0)
    rows = zip(refit["user_id"].to_pylist(), refit["history_item_ids"].to_pylist(), strict=True)
    for user, history in rows:
        place = places[user]
        assert history == learnt[user][max(place - LENGTH, 0) : place]
        places[user] += 1
    for time, times in zip(
        refit["timestamp"].to_pylist(), refit["history_timestamps"].to_pylist(), strict=True
    ):
        assert times == sorted(times)
        assert not times or times[-1] <= time


def test_histories_have_the_times_of_their_events(case):
    protocol, log, split = case
    pairs = zip(log["user_id"].to_pylist(), log["item_id"].to_pylist(), strict=True)
    times = dict(zip(pairs, log["timestamp"].to_pylist(), strict=True))
    for table in split.tables.values():
        for user, items, told in zip(
            table["user_id"].to_pylist(),
            table["history_item_ids"].to_pylist(),
            table["history_timestamps"].to_pylist(),
            strict=True,
        ):
            if protocol == "random-75":
                assert len(set(told)) <= 1
            else:
                assert told == [times[user, item] for item in items]


def test_the_values_lie_beside_the_items(case):
    _, _, split = case
    for name in SPLITS:
        table = split.tables[name]
        lists = zip(table["history_item_ids"].to_pylist(), table["history_values"].to_pylist(), strict=True)
        for items, values in lists:
            assert values == [float(int(item[1:]) % 5) for item in items]


def test_leave_last_out_tests_the_last_line_of_each_user():
    log = _log()
    split = split_by_protocol(log, LAYOUT, "leave-last-out", 7, LENGTH)
    for user, items in _of_users(log).items():
        assert _relevant(split)[user] == items[-1:]
        assert _histories(split)[user] == items[:-1]


def test_the_last_fifth_is_the_newest():
    log = _log()
    split = split_by_protocol(log, LAYOUT, "last-fifth", 7, LENGTH)
    for user, items in _of_users(log).items():
        assert _relevant(split)[user] == items[len(items) - len(items) // 5 :]


def test_random_75_keeps_three_quarters_and_has_no_time():
    log = _log()
    split = split_by_protocol(log, LAYOUT, "random-75", 7, LENGTH)
    for user, items in _of_users(log).items():
        assert len(_histories(split)[user]) == round(0.75 * len(items))
    assert len(set(split.tables[TRAIN]["timestamp"].to_pylist())) == 1


@pytest.mark.parametrize("protocol", ["random-75", "cold-items", "cold-users"])
def test_the_seed_decides(protocol):
    log = _log()
    first, again, other = (
        _relevant(split_by_protocol(log, LAYOUT, protocol, seed, LENGTH)) for seed in (7, 7, 8)
    )
    assert first == again != other
