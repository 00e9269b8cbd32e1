"""The benchmark of judging, small: what it measures, and that memory does not grow with users times items."""

import json
import tracemalloc

import numpy as np

from benchmarks.evaluation import Stopwatch, judge_world, make_world, measure, table
from serving.evaluation_record import ALL, OVERALL


def test_a_small_world_is_measured():
    result = measure(300, 400, 8, samples=100, seed=0)
    assert set(result["seconds"]) == {"world", "lists", "slices", "metrics and bounds"}
    assert result["peak_mb"] > 0
    overall = result["figures"][OVERALL][ALL]
    assert (overall["requests"], overall["users"]) == (300, 300)
    # The target is the best of 50 random items, so that it is rather good: chance finds one in twenty.
    recall = overall["metrics"]["recall@20"]
    assert recall["low"] > 3 * 20 / 400
    assert sum(part["requests"] for part in result["figures"]["user_activity"].values()) == 300
    assert json.loads(json.dumps(result))["seconds"] == result["seconds"]
    assert table(result).row_count == 4 + 1 + 8


def test_lists_hold_nothing_seen_and_targets_are_new():
    world = make_world(200, 300, 4, seed=1)
    assert world.seen.getnnz(axis=1)[::10].sum() == 0
    assert not np.asarray(world.seen[np.arange(200), world.targets]).any()


def test_memory_does_not_grow_with_users_times_items():
    num_users, num_items = 600, 230_000
    assert num_users * num_items * 8 > 2**30  # scores of all pairs, as float64
    world = make_world(num_users, num_items, 2, seed=2)
    tracemalloc.start()
    judge_world(world, samples=100, seed=0, watch=Stopwatch())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250 * 2**20
