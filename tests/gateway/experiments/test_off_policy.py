"""Estimates of a version that never served, in a world whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from gateway.experiments.off_policy import evaluate
from tests.gateway.experiments.world import BETTER, LOGGER, WORSE, chances, logged, truth

NO_LIMIT = 1e9
REPEATS = 60


@pytest.fixture(scope="module")
def repeated():
    """The same experiment, many times."""
    rng = np.random.default_rng(1)
    return [evaluate(logged(rng, BETTER, lists=500), NO_LIMIT) for _ in range(REPEATS)]


def _values(results, estimator):
    return np.array([result.estimates[estimator].value for result in results])


@pytest.mark.parametrize("estimator", ["ips", "dr"])
def test_estimates_are_without_bias(repeated, estimator):
    values = _values(repeated, estimator)
    error = values.std(ddof=1) / np.sqrt(REPEATS)
    assert abs(values.mean() - truth(BETTER)) < 4 * error
    assert abs(values.mean() - truth(LOGGER)) > 4 * error


def test_snips_comes_close(repeated):
    assert _values(repeated, "snips").mean() == pytest.approx(truth(BETTER), rel=0.03)


def test_a_guess_makes_estimates_steadier(repeated):
    errors = {name: np.mean([result.estimates[name].error for result in repeated]) for name in ("ips", "dr")}
    assert errors["dr"] < 0.9 * errors["ips"]
    assert _values(repeated, "dr").var() < _values(repeated, "ips").var()


@pytest.mark.parametrize("estimator", ["ips", "snips", "dr"])
def test_standard_errors_are_the_spread_of_repetitions(repeated, estimator):
    said = np.mean([result.estimates[estimator].error for result in repeated])
    assert said == pytest.approx(_values(repeated, estimator).std(ddof=1), rel=0.4)


@pytest.mark.parametrize("estimator", ["ips", "snips", "dr"])
def test_intervals_hold_the_truth(repeated, estimator):
    held = sum(
        result.estimates[estimator].low <= truth(BETTER) <= result.estimates[estimator].high
        for result in repeated
    )
    assert held >= stats.binom.ppf(0.0001, REPEATS, 0.95) - 2  # normal to first order only


def test_what_is_better_is_found_and_what_is_worse():
    rng = np.random.default_rng(2)
    assert evaluate(logged(rng, BETTER, lists=4000), NO_LIMIT).conclusion == "better"
    assert evaluate(logged(rng, WORSE, lists=4000), NO_LIMIT).conclusion == "worse"


def test_a_version_that_draws_alike_shows_no_difference():
    result = evaluate(logged(np.random.default_rng(3), LOGGER), NO_LIMIT)
    assert result.mean_weight.value == pytest.approx(1.0)
    assert result.effective == pytest.approx(result.lists)
    assert result.gains["ips"].value == pytest.approx(0.0, abs=1e-12)
    assert result.conclusion == "no difference shown"


def test_snips_stays_within_what_can_be_earned():
    """A few lists with huge weights drive ips out of bounds, and snips not."""
    places = logged(np.random.default_rng(4), BETTER, lists=300)
    taken = replace(places, rewards=np.ones_like(places.rewards), logged=places.logged / 5)
    result = evaluate(taken, NO_LIMIT)
    assert result.estimates["ips"].value > places.rewards.shape[1]
    assert result.estimates["snips"].value == pytest.approx(places.rewards.shape[1])


def test_wrong_propensities_are_noticed():
    rng = np.random.default_rng(5)
    result = evaluate(logged(rng, LOGGER, told=WORSE), NO_LIMIT)
    assert result.conclusion == "nothing can be concluded"
    assert "logged propensities are wrong" in " ".join(result.doubts)


def test_what_could_not_be_drawn_is_noticed():
    """The logged version cannot draw what the other one is fond of."""
    never = np.where(np.arange(6) < 1, -30.0, LOGGER)
    result = evaluate(logged(np.random.default_rng(6), BETTER, logger=never), NO_LIMIT)
    assert "draws what the logged one could not" in " ".join(result.doubts)


def test_right_propensities_raise_no_doubt():
    rng = np.random.default_rng(7)
    doubtful = sum(bool(evaluate(logged(rng, BETTER, lists=400), NO_LIMIT).doubts) for _ in range(20))
    assert doubtful <= 1


def test_too_few_effective_lists_are_refused():
    result = evaluate(logged(np.random.default_rng(8), 8 * BETTER, lists=300), NO_LIMIT)
    assert result.effective < 100
    assert result.conclusion == "nothing can be concluded"


def test_one_user_is_no_evidence():
    places = logged(np.random.default_rng(9), BETTER)
    result = evaluate(replace(places, users=np.zeros_like(places.users)), NO_LIMIT)
    assert np.isnan(result.gains["dr"].low)
    assert result.conclusion == "nothing can be concluded"


def test_clipping_is_counted_and_lowers_the_largest_weights():
    places = logged(np.random.default_rng(10), 3 * BETTER)
    free, clipped = evaluate(places, NO_LIMIT), evaluate(places, 2.0)
    assert (free.clipped, clipped.clipped > 0) == (0.0, True)
    assert clipped.effective > free.effective
    assert clipped.mean_weight == free.mean_weight


def test_lists_of_one_user_are_one_observation():
    """What is repeated is no more evidence than once."""
    places = logged(np.random.default_rng(11), BETTER)
    twice = replace(places, **{name: np.concatenate([value, value]) for name, value in vars(places).items()})
    once, again = evaluate(places, NO_LIMIT), evaluate(twice, NO_LIMIT)
    assert again.estimates["ips"].error == pytest.approx(once.estimates["ips"].error)
    assert again.estimates["ips"].value == pytest.approx(once.estimates["ips"].value)


def test_the_world_draws_as_it_says():
    rng = np.random.default_rng(12)
    first = np.argmax(LOGGER + rng.gumbel(size=(20_000, 6)), axis=1)
    expected = [chances(LOGGER, np.array([item]))[0] * 20_000 for item in range(6)]
    assert stats.chisquare(np.bincount(first, minlength=6), expected).pvalue > 1e-3
