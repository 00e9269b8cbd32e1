"""Arms: shares as they were asked for, the same everywhere and always, independent between experiments."""

import subprocess
import sys

import pytest
from pydantic import ValidationError
from scipy import stats

from gateway.experiments.split import arm_of
from pipeline.config.gateway import ExperimentConfig

USERS = [f"user-{number}" for number in range(20_000)]


def _canaries(name="new-towers", share=0.5, users=USERS):
    experiment = ExperimentConfig(name=name, canary_share=share)
    return {user for user in users if arm_of(user, experiment) == "canary"}


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_canary_gets_its_share(share):
    got = len(_canaries(share=share))
    low, high = stats.binom.interval(0.9999, len(USERS), share)
    assert low <= got <= high


def test_the_split_is_what_it_has_always_been():
    """Another hash would move users between the arms of an experiment that runs."""
    experiment = ExperimentConfig(name="new-towers", canary_share=0.5)
    arms = [arm_of(f"u{n}", experiment) for n in range(8)]
    assert arms == ["stable"] * 2 + ["canary"] * 6


def test_another_process_splits_alike():
    program = (
        "from gateway.experiments.split import arm_of; from pipeline.config.gateway import ExperimentConfig; "
        "experiment = ExperimentConfig(name='new-towers', canary_share=0.5); "
        "print(*(arm_of(f'user-{n}', experiment) for n in range(200)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    canaries = _canaries(users=USERS[:200])
    assert [arm == "canary" for arm in done.stdout.split()] == [user in canaries for user in USERS[:200]]


def test_experiments_are_independent():
    first, second = _canaries("first", 0.5), _canaries("second", 0.3)
    both, neither = len(first & second), len(USERS) - len(first | second)
    table = [[both, len(first - second)], [len(second - first), neither]]
    assert stats.chi2_contingency(table).pvalue > 1e-3
    assert first != _canaries("third", 0.5)


def test_users_who_are_numbered_fall_evenly():
    """Runs of ids are no runs of arms."""
    canaries = _canaries()
    by_block = [
        sum(user in canaries for user in USERS[start : start + 200]) for start in range(0, 20_000, 200)
    ]
    statistic = sum((got - 100.0) ** 2 / 50.0 for got in by_block)  # variance of a binomial of 200 halves
    assert 1e-3 < stats.chi2.sf(statistic, len(by_block)) < 1 - 1e-3


def test_nobody_leaves_a_canary_that_grows():
    assert _canaries(share=0.1) < _canaries(share=0.2) < _canaries(share=0.9)


@pytest.mark.parametrize(
    "settings",
    [
        {"name": "", "canary_share": 0.5},
        {"name": "a:b", "canary_share": 0.5},
        {"name": "a", "canary_share": 0.0},
        {"name": "a", "canary_share": 1.0},
        {"name": "a", "canary_share": float("nan")},
        {"name": "a"},
    ],
)
def test_what_is_no_experiment_is_refused(settings):
    with pytest.raises(ValidationError):
        ExperimentConfig(**settings)
