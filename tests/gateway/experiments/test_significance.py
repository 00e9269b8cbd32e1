"""Differences: scipy's own in the simple case, and right as often as they say in simulated experiments."""

import numpy as np
import pytest
from scipy import stats

from gateway.experiments.significance import Ratio, ratio_difference, share_p_value


def _arm(rng, users, rate):
    """Users who differ in how much they see and in how readily they click."""
    seen = 1 + rng.poisson(rng.gamma(1.0, 8.0, users))
    own_rates = rng.beta(20 * rate, 20 * (1 - rate), users)
    return Ratio(rng.binomial(seen, own_rates).astype(float), seen.astype(float))


def test_with_ones_below_it_is_the_test_of_welch():
    rng = np.random.default_rng(1)
    first, second = rng.normal(1.0, 1.0, 80), rng.normal(1.3, 2.0, 50)
    found = ratio_difference(Ratio(first, np.ones(80)), Ratio(second, np.ones(50)))
    expected = stats.ttest_ind(second, first, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_the_variance_of_a_ratio_is_that_of_the_bootstrap_over_users():
    rng = np.random.default_rng(2)
    arms = _arm(rng, 400, 0.1), _arm(rng, 300, 0.12)

    def again(arm):
        rows = rng.integers(0, len(arm.numerators), (4000, len(arm.numerators)))
        return arm.numerators[rows].sum(1) / arm.denominators[rows].sum(1)

    spread = np.std(again(arms[1]) - again(arms[0]))
    found = ratio_difference(*arms)
    assert (found.high - found.low) / 2 / 1.96 == pytest.approx(spread, rel=0.1)


def test_without_an_effect_one_in_twenty_looks_like_one():
    rng = np.random.default_rng(3)
    shown = sum(ratio_difference(_arm(rng, 300, 0.1), _arm(rng, 300, 0.1)).is_shown for _ in range(2000))
    low, high = stats.binom.interval(0.9999, 2000, 0.05)
    assert low <= shown <= high


def test_tests_that_take_every_impression_for_a_person_cry_wolf():
    """Why users are the unit: the same simulation, judged by impressions, is wrong far more often."""
    rng = np.random.default_rng(3)

    def is_shown():
        arms = _arm(rng, 300, 0.1), _arm(rng, 300, 0.1)
        table = [[arm.numerators.sum(), (arm.denominators - arm.numerators).sum()] for arm in arms]
        return stats.chi2_contingency(table, correction=False).pvalue < 0.05

    assert sum(is_shown() for _ in range(500)) > 1.5 * 0.05 * 500


def test_intervals_hold_the_true_effect_and_what_is_detectable_is_found():
    rng = np.random.default_rng(4)
    effect = ratio_difference(_arm(rng, 1000, 0.1), _arm(rng, 1000, 0.1)).detectable
    found = [ratio_difference(_arm(rng, 1000, 0.1), _arm(rng, 1000, 0.1 + effect)) for _ in range(500)]
    holding = sum(one.low <= effect <= one.high for one in found)
    assert stats.binom.interval(0.9999, 500, 0.95)[0] <= holding
    assert 0.7 < np.mean([one.low > 0 for one in found]) < 0.9


@pytest.mark.parametrize("users", [0, 1, 29])
def test_a_handful_of_users_is_not_judged(users):
    rng = np.random.default_rng(5)
    found = ratio_difference(_arm(rng, 300, 0.1), _arm(rng, users, 0.9))
    assert np.isnan(found.p_value)
    assert not found.is_shown


def test_nothing_below_and_nothing_that_varies_are_not_judged():
    assert not ratio_difference(Ratio(np.ones(50), np.zeros(50)), Ratio(np.ones(50), np.ones(50))).is_shown
    assert not ratio_difference(Ratio(np.zeros(50), np.ones(50)), Ratio(np.ones(50), np.ones(50))).is_shown


def test_an_uneven_split_is_noticed_and_an_even_one_is_not():
    assert share_p_value(9_000, 1_000, 0.1) > 0.9
    assert share_p_value(9_200, 800, 0.1) < 1e-6
    assert np.isnan(share_p_value(0, 0, 0.1))
    rng = np.random.default_rng(6)
    wrong = sum(share_p_value(1000 - n, n, 0.3) < 1e-3 for n in rng.binomial(1000, 0.3, 300))
    assert wrong <= stats.binom.ppf(0.9999, 300, 1e-3)
