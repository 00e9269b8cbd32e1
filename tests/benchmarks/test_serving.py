"""The benchmark of the server: its load, its figures, and what they say of what was aimed at."""

import threading
import time

import pytest

from benchmarks.serving_callers import GRPC, HALF_PLUS_TWO, IN_PROCESS, requests
from benchmarks.serving_load import first_calls, load
from benchmarks.serving_summary import median, reached, summary


class _Sleeper:
    """Answers after 10 ms; fails at the call that it is told to."""

    made = 0
    closed = 0

    def __init__(self, fails_at=None):
        self._left = fails_at
        type(self).made += 1

    def call(self):
        time.sleep(0.01)
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise ValueError("no answer")

    def close(self):
        type(self).closed += 1


def test_a_load_keeps_every_thread_calling_until_the_time_is_up():
    _Sleeper.made = _Sleeper.closed = 0
    run = load(_Sleeper, num_threads=4, seconds=0.3)
    assert _Sleeper.made == _Sleeper.closed == 4
    assert 0.3 <= run["seconds"] < 3
    assert min(run["milliseconds"]) >= 10
    # Each thread's calls fill the time: none waits for another.
    assert sum(run["milliseconds"]) == pytest.approx(4 * run["seconds"] * 1000, rel=0.3)
    assert threading.active_count() < 20


@pytest.mark.parametrize("fails_at", [0, 2])
def test_a_call_that_fails_ends_the_load(fails_at):
    with pytest.raises(RuntimeError, match="no answer"):
        load(lambda: _Sleeper(fails_at), num_threads=3, seconds=0.2)


def test_first_calls_are_timed_one_by_one():
    spent = first_calls(_Sleeper(), 3)
    assert len(spent) == 3
    assert min(spent) >= 10


def test_requests_have_the_rows_that_were_asked_for_and_differ():
    asked = requests("recommender", 3, ["a", "b", "c", "d"])
    assert asked[0]["user_id"].tolist() == ["a", "b", "c"]
    assert asked[1]["user_id"].tolist() == ["d", "a", "b"]
    assert {len(values) for values in asked[0].values()} == {3}
    assert requests(HALF_PLUS_TWO, 2, [])[3]["x"].tolist() == [[3.0], [3.0]]


def test_figures_of_a_run():
    run = {"milliseconds": [1.0, 2.0, 3.0, 4.0], "seconds": 0.5, "cpu_seconds": 0.002}
    found = summary(run, server_cpu_seconds=0.02)
    assert found["p50_ms"] == 2.5
    assert found["calls_per_second"] == 8
    assert found["caller_cpu_ms"] == 0.5
    assert found["server_cpu_ms"] == 5
    assert median([{"x": 1.0}, {"x": 9.0}, {"x": 2.0}]) == {"x": 2.0}


def _cell(way, threads, p50, rate):
    return {
        "model": "recommender",
        "rows": 1,
        "threads": threads,
        "way": way,
        "p50_ms": p50,
        "calls_per_second": rate,
    }


@pytest.mark.parametrize(
    ("p50", "rate", "seconds", "good"), [(15.0, 80.0, 14.9, True), (15.2, 78.0, 15.0, False)]
)
def test_what_was_aimed_at(p50, rate, seconds, good):
    cells = [
        _cell(IN_PROCESS, 1, 10.0, 100.0),
        _cell(GRPC, 1, p50, 1.0),
        _cell(IN_PROCESS, 32, 1.0, 100.0),
        _cell(GRPC, 32, 1.0, rate),
    ]
    verdicts = reached(cells, [{"ready_seconds": seconds}])
    assert len(verdicts) == 3
    assert {is_reached for _, is_reached in verdicts.values()} == {good}
    assert verdicts["gRPC p50 by in process, 1 rows, 1 thread"][0] == pytest.approx(p50 / 10, abs=0.01)
