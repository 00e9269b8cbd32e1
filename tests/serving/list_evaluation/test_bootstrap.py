"""Bounds against explicit draws, standard errors, and what 95% means."""

import numpy as np
import pytest

from serving.list_evaluation import bootstrap as module
from serving.list_evaluation.bootstrap import bounded_means


def _all(num):
    return [np.arange(num)]


def test_bounds_equal_those_of_explicit_draws():
    rng = np.random.default_rng(0)
    users = rng.integers(0, 12, 50) * 10  # numbers with holes
    values = rng.random((50, 2))
    values[rng.random((50, 2)) < 0.2] = np.nan
    slices = [np.arange(50), np.flatnonzero(rng.random(50) < 0.4)]
    means = bounded_means(values, users, slices, samples=200, seed=3)
    names = sorted(set(users))
    weights = np.random.default_rng(3).poisson(1.0, (200, len(names)))
    for s, rows in enumerate(slices):
        for m in range(2):
            drawn = []
            for weight in weights:
                pairs = [
                    (weight[names.index(users[r])], values[r, m]) for r in rows if not np.isnan(values[r, m])
                ]
                count = sum(w for w, _ in pairs)
                drawn += [sum(w * v for w, v in pairs) / count] if count else []
            assert means.values[s, m] == pytest.approx(np.nanmean(values[rows, m]))
            expected = np.percentile(drawn, [2.5, 97.5])
            np.testing.assert_allclose([means.low[s, m], means.high[s, m]], expected)


def test_bounds_are_as_wide_as_the_standard_error_says():
    values = np.random.default_rng(1).normal(5, 2, (3000, 1))
    means = bounded_means(values, np.arange(3000), _all(3000), samples=2000, seed=0)
    error = values.std(ddof=1) / np.sqrt(3000)
    width = float(means.high[0, 0] - means.low[0, 0])
    # 2 * 1.96 standard errors; percentiles of 2000 draws are within some percent.
    assert width == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_requests_of_one_user_are_one_piece_of_evidence():
    """Nine like requests of each user: as many users, the same bounds."""
    of_users = np.random.default_rng(2).normal(0, 1, 400)
    once = bounded_means(of_users[:, np.newaxis], np.arange(400), _all(400), samples=1000, seed=0)
    users = np.repeat(np.arange(400), 9)
    often = bounded_means(of_users[users][:, np.newaxis], users, _all(3600), samples=1000, seed=0)
    np.testing.assert_allclose(often.low, once.low)
    np.testing.assert_allclose(often.high, once.high)


def test_nineteen_bounds_of_twenty_hold_the_truth():
    """Users of 1 to 5 requests, whose chances of a hit are their own."""
    rng = np.random.default_rng(4)
    truth, held, trials = 0.3, 0, 300
    for seed in range(trials):
        sizes = rng.integers(1, 6, 150)
        users = np.repeat(np.arange(150), sizes)
        chances = rng.beta(1.5, 3.5, 150)  # of mean 0.3
        hits = (rng.random(len(users)) < chances[users]).astype(float)[:, np.newaxis]
        means = bounded_means(hits, users, _all(len(users)), samples=200, seed=seed)
        held += bool(means.low[0, 0] <= truth <= means.high[0, 0])
    # The binomial's standard deviation is 1.3%.
    assert 0.90 <= held / trials <= 0.985


def test_users_come_in_blocks(monkeypatch):
    rng = np.random.default_rng(5)
    users, values = rng.integers(0, 500, 2000), rng.random((2000, 1))
    whole = bounded_means(values, users, _all(2000), samples=1000, seed=0)
    monkeypatch.setattr(module, "_MAX_WEIGHTS", 7 * 1000)
    cut = bounded_means(values, users, _all(2000), samples=1000, seed=0)
    assert cut.values == pytest.approx(whole.values)
    # Other draws of the same distribution.
    width = float(whole.high[0, 0] - whole.low[0, 0])
    assert float(cut.low[0, 0]) == pytest.approx(float(whole.low[0, 0]), abs=0.15 * width)
    assert float(cut.high[0, 0]) == pytest.approx(float(whole.high[0, 0]), abs=0.15 * width)


def test_a_seed_decides():
    values = np.random.default_rng(6).random((100, 1))
    first, again, other = (
        bounded_means(values, np.arange(100), _all(100), samples=100, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.low, again.low)
    assert (first.low != other.low).any()


def test_one_user_and_nothing_have_no_bounds():
    values = np.array([[1.0, np.nan], [0.0, 2.0], [1.0, np.nan]])
    means = bounded_means(values, np.array([4, 4, 9]), [np.array([0, 1]), np.arange(3)], samples=100, seed=0)
    assert means.values[0].tolist() == [0.5, 2.0]
    assert np.isnan(means.low[0]).all()
    assert np.isfinite(means.low[1, 0])
    assert np.isnan(means.high[1, 1])  # of one user alone, though the slice has two
    nothing = bounded_means(np.full((2, 1), np.nan), np.arange(2), _all(2), samples=100, seed=0)
    assert np.isnan([nothing.values, nothing.low, nothing.high]).all()
