"""Platt scaling and the expected calibration error."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from trainer.calibration import IDENTITY, calibration_error, fit_platt


def _planted(slope=0.4, intercept=-0.8, count=20_000):
    """Logits that are too bold, and labels that follow from `slope` and `intercept`."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=count) * 3.0
    labels = rng.random(count) < 1 / (1 + np.exp(-(slope * logits + intercept)))
    return logits, labels.astype(np.float64), np.ones(count)


class TestPlatt:
    def test_finds_the_planted_scaling_and_repairs_the_error(self):
        logits, labels, weights = _planted()
        fitted = fit_platt(logits, labels, weights)
        np.testing.assert_allclose(fitted, [0.4, -0.8], atol=0.05)
        before = calibration_error(logits, labels, weights)
        after = calibration_error(fitted.slope * logits + fitted.intercept, labels, weights)
        assert before > 0.1
        assert after < 0.02

    def test_equals_logistic_regression(self):
        logits, labels, weights = _planted()
        oracle = LogisticRegression(C=1e6, tol=1e-8).fit(logits[:, np.newaxis], labels)
        np.testing.assert_allclose(
            fit_platt(logits, labels, weights), [oracle.coef_[0, 0], oracle.intercept_[0]], atol=1e-3
        )

    def test_good_logits_stay_as_they_are(self):
        np.testing.assert_allclose(fit_platt(*_planted(1.0, 0.0)), IDENTITY, atol=0.06)

    def test_what_has_no_weight_does_not_count(self):
        logits, labels, weights = _planted(count=400)
        weights[::2] = 0
        labels_changed = np.where(weights > 0, labels, 1 - labels)
        assert fit_platt(logits, labels_changed, weights) == fit_platt(logits, labels, weights)
        kept = fit_platt(logits[1::2], labels[1::2], weights[1::2])
        np.testing.assert_allclose(fit_platt(logits, labels, weights), kept, rtol=1e-9)

    @pytest.mark.parametrize("name", ["all positive", "all negative", "none", "equal logits", "turned round"])
    def test_nothing_to_fit_gives_the_identity(self, name):
        logits, labels, weights = _planted(count=100)
        cases = {
            "all positive": (logits, np.ones(100), weights),
            "all negative": (logits, np.zeros(100), weights),
            "none": (logits, labels, np.zeros(100)),
            "equal logits": (np.ones(100), labels, weights),
            "turned round": (-logits, labels, weights),
        }
        assert fit_platt(*cases[name]) == IDENTITY

    def test_parted_labels_do_not_make_certainties(self):
        logits = np.array([-2.0, -1.0, 1.0, 2.0])
        slope, intercept = fit_platt(logits, (logits > 0).astype(float), np.ones(4))
        # Two of each: the probabilities lie near (2 + 1) / (2 + 2).
        assert 0 < slope < 3
        np.testing.assert_allclose(intercept, 0, atol=1e-6)


class TestCalibrationError:
    def test_equals_the_oracle(self):
        """Two bins' worth of probabilities, each far off by a known share."""
        p = np.repeat([0.2, 0.9], 30)
        labels = np.concatenate([np.tile([1.0, 0.0], 15), np.tile([1, 1, 1, 0, 0], 6)])
        error = calibration_error(np.log(p / (1 - p)), labels, np.ones(60))
        bins = np.array_split(np.arange(60), 15)
        expected = sum(abs((p[b] - labels[b]).sum()) for b in bins) / 60
        np.testing.assert_allclose(error, expected, rtol=1e-9)

    def test_perfect_probabilities(self):
        assert calibration_error(np.array([-50.0, 50.0]), np.array([0.0, 1.0]), np.ones(2)) < 1e-9

    def test_nothing_to_measure(self):
        assert calibration_error(np.zeros(3), np.ones(3), np.zeros(3)) == 0
