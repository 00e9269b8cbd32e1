"""Probabilities that mean what they say."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_BINS = 15
_STEPS = 50
_TOLERANCE = 1e-9
# Keeps a slope finite where a threshold parts the labels; weighs nothing beside a few hundred examples.
_RIDGE = 1e-3


class PlattScaling(NamedTuple):
    """From a logit to the logit of a probability: slope * logit + intercept."""

    slope: float
    intercept: float


IDENTITY = PlattScaling(1.0, 0.0)


def fit_platt(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> PlattScaling:
    """Fits slope and intercept by the likelihood of the labels (Platt 1999), with Newton's steps.

    The labels are smoothed as Platt does: of n positives each counts as (n + 1) / (n + 2), and the
    negatives likewise, so that few examples do not make certainties.

    Args:
      logits: [N].
      labels: [N], 0 or 1.
      weights: [N]; an example without weight is left out.

    Returns:
      The scaling; the identity where all labels are the same, all logits are, or the best slope is not
      positive, which would turn the order round.
    """
    counted = (weights > 0) & np.isfinite(logits)
    x, y, w = (np.asarray(part, np.float64)[counted] for part in (logits, labels, weights))
    positives, negatives = w @ y, w @ (1.0 - y)
    if positives == 0 or negatives == 0 or np.ptp(x) == 0:
        return IDENTITY
    targets = np.where(y > 0, (positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0))
    # On standardised logits the steps are well conditioned.
    mean, std = np.average(x, weights=w), max(float(np.sqrt(np.cov(x, aweights=w, ddof=0))), 1e-12)
    slope, intercept = _newton((x - mean) / std, targets, w)
    if slope <= 0:
        return IDENTITY
    return PlattScaling(float(slope / std), float(intercept - slope * mean / std))


def _newton(x: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Slope and intercept of a logistic regression on one number, from a start without a slope."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    share = weights @ targets / weights.sum()
    theta = np.array([0.0, np.log(share / (1.0 - share))])
    value = _cross_entropy(design @ theta, targets, weights, theta)
    for _ in range(_STEPS):
        p = _sigmoid(design @ theta)
        gradient = design.T @ (weights * (p - targets)) + _RIDGE * theta
        curvature = (design * (weights * p * (1.0 - p))[:, np.newaxis]).T @ design + _RIDGE * np.eye(2)
        step, size = np.linalg.solve(curvature, gradient), 1.0
        # Halved until the loss falls: a full step may overshoot where the labels are nearly parted.
        while _cross_entropy(design @ (theta - size * step), targets, weights, theta - size * step) > value:
            size /= 2.0
            if size < _TOLERANCE:
                return theta
        theta = theta - size * step
        previous, value = value, _cross_entropy(design @ theta, targets, weights, theta)
        if previous - value <= _TOLERANCE * abs(value):
            return theta
    return theta


def _cross_entropy(x: np.ndarray, targets: np.ndarray, weights: np.ndarray, theta: np.ndarray) -> float:
    """Weighted cross-entropy of logits, and the ridge of the parameters."""
    return float(weights @ (np.logaddexp(0.0, x) - targets * x) + 0.5 * _RIDGE * theta @ theta)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -x))


def calibration_error(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Expected calibration error (Naeini et al. 2015), over 15 bins of as many examples each.

    Args:
      logits: [N].
      labels: [N], 0 or 1.
      weights: [N]; an example without weight is left out, the others count alike.

    Returns:
      The mean over the examples of the distance between a bin's mean probability and its share of
      positives; 0 without an example.
    """
    counted = weights > 0
    if not counted.any():
        return 0.0
    p, y = _sigmoid(np.asarray(logits, np.float64)[counted]), np.asarray(labels, np.float64)[counted]
    order = np.argsort(p, kind="stable")
    bins = np.arange(len(p)) * min(_BINS, len(p)) // len(p)
    gaps = np.bincount(bins, weights=p[order] - y[order])
    return float(np.abs(gaps).sum() / len(p))
