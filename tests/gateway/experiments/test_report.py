"""Reports of experiments on a log with a known effect, with none, and with what must not count."""

import numpy as np
import pytest

from gateway.experiments.outcomes import Outcome
from gateway.experiments.report import experiment_report
from gateway.experiments.split import arm_of
from pipeline.config.gateway import ExperimentConfig
from tests.gateway.events.samples import served

EXPERIMENT = ExperimentConfig(name="new-towers", canary_share=0.5)
ITEMS = ("i1", "i2", "i3")


def _world(rates, users=1200, seed=0, **changes):
    """Lists and events of users who click at the rate of their arm, and say when they dislike the most."""
    rng = np.random.default_rng(seed)
    lists, events = [], []
    for number in range(users):
        user = f"u{number}"
        arm = arm_of(user, EXPERIMENT)
        for _ in range(1 + rng.poisson(1.0)):
            request_id = f"{len(lists):032x}"
            fields = {"experiment": "new-towers", "arm": arm, **changes}
            lists.append(served(request_id, user, ITEMS, **fields))
            for item in ITEMS:
                events.append(Outcome(request_id, user, "impression", item, None))
                if rng.random() < rates[arm]:
                    events.append(Outcome(request_id, user, "click", item, None))
    return lists, events


def _report(lists, events, share=0.5):
    return experiment_report("new-towers", share, lists, events)


def _compared(report):
    return {compared.metric.name: compared for compared in report.compared}


def test_a_true_effect_is_found_and_measured():
    report = _report(*_world({"stable": 0.1, "canary": 0.2}))
    clicks = _compared(report)["clicks an impression"]
    assert clicks.verdict == "better"
    assert clicks.difference.low < 0.1 < clicks.difference.high
    assert _compared(_report(*_world({"stable": 0.2, "canary": 0.1})))["clicks a list"].verdict == "worse"


def test_without_an_effect_nothing_is_called_better():
    difference = _compared(_report(*_world({"stable": 0.1, "canary": 0.1})))["clicks an impression"]
    assert difference.verdict == "no difference shown"
    assert difference.difference.low < 0 < difference.difference.high


def test_counts_by_arm():
    lists = [
        served("a" * 32, "ann", ITEMS, experiment="new-towers", arm="stable"),
        served("b" * 32, "bob", ITEMS, experiment="new-towers", arm="canary", source="popular"),
    ]
    events = [
        Outcome("a" * 32, "ann", "rating", "i1", 4.0),
        Outcome("a" * 32, "ann", "rating", "i2", 2.0),
        Outcome("b" * 32, "bob", "dismiss", "i3", None),
        Outcome("b" * 32, "bob", "dwell", "i3", None),
    ]
    report = _report(lists, events)
    assert report.users == {"stable": 1, "canary": 1}
    assert report.counts["stable"]["stars"] / report.counts["stable"]["rating"] == 3.0
    assert report.counts["canary"] | {"lists": 1, "popular": 1, "dismiss": 1} == report.counts["canary"]
    assert {one.verdict for one in report.compared} == {"too little to judge"}


@pytest.mark.parametrize(
    "event",
    [
        Outcome("a" * 32, "mallory", "click", "i1", None),
        Outcome("a" * 32, "ann", "click", "elsewhere", None),
        Outcome("c" * 32, "ann", "click", "i1", None),
        Outcome("d" * 32, "ann", "click", "i1", None),
    ],
)
def test_what_follows_from_no_list_of_the_experiment_does_not_count(event):
    lists = [
        served("a" * 32, "ann", ITEMS, experiment="new-towers", arm="stable"),
        served("d" * 32, "ann", ITEMS, experiment="another", arm="canary"),
    ]
    report = _report(lists, [event])
    assert report.counts["stable"]["click"] == report.counts["canary"]["click"] == 0
    assert report.users == {"stable": 1, "canary": 0}


def test_a_user_of_both_arms_is_left_out():
    lists = [
        served(letter * 32, "ann", ITEMS, experiment="new-towers", arm=arm)
        for letter, arm in (("a", "stable"), ("b", "canary"))
    ]
    report = _report(lists, [])
    assert report.moved == 1
    assert report.users == {"stable": 0, "canary": 0}


def test_more_dismissals_are_worse():
    lists, _ = _world({"stable": 0, "canary": 0})
    events = [
        Outcome(one.request_id, one.user, "dismiss", "i1", None)
        for number, one in enumerate(lists)
        if number % (2 if one.arm == "canary" else 10) == 0
    ]
    assert _compared(_report(lists, events))["dismissals a list"].verdict == "worse"


def test_arms_that_lost_users_are_not_compared():
    lists, events = _world({"stable": 0.1, "canary": 0.3})
    lost = [one for one in lists if one.arm == "stable" or int(one.user[1:]) % 3]
    report = _report(lost, events)
    assert not report.split_is_kept
    assert {one.verdict for one in report.compared} == {"arms do not compare"}
