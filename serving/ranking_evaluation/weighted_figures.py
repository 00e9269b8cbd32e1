"""The metrics of a task where each example counts as often as it was drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.config.ranking import TaskConfig
from pipeline.config.ranking_gate import USER_AUC
from serving.ranking_evaluation.user_auc import user_aucs

# Keeps the logarithm of a probability finite, as Keras does.
_EPSILON = 1e-7


def weighted_figures(
    task: TaskConfig, users: np.ndarray, labels: np.ndarray, predictions: np.ndarray
) -> Callable[[np.ndarray], dict[str, float]]:
    """All metrics of a task as a function of how often each user counts.

    What does not depend on it is worked out once.

    Args:
      task: The task.
      users: [N] int64 rows of users.
      labels: [N].
      predictions: [N].

    Returns:
      From [max user row + 1] weights to the metrics by their names; NaN where there is nothing to measure.
    """
    labels, predictions = labels.astype(np.float64), predictions.astype(np.float64)
    columns = {"mean_label": labels, "mean_prediction": predictions}
    if task.is_regression:
        columns |= {"mse": np.square(predictions - labels), "mae": np.abs(predictions - labels)}
    else:
        p = np.clip(predictions, _EPSILON, 1 - _EPSILON)
        columns["log_loss"] = -np.where(labels > 0, np.log(p), np.log1p(-p))
    # A user's examples are drawn together, so that sums by user are all that is needed.
    counts = np.bincount(users)
    sums = {name: np.bincount(users, weights=x) for name, x in columns.items()}
    auc = None if task.is_regression else _weighted_auc(users, labels, predictions)
    by_user = None if task.is_regression else user_aucs(users, labels, predictions)

    def figures(weights: np.ndarray) -> dict[str, float]:
        total = counts @ weights
        found = {name: _ratio(x @ weights, total) for name, x in sums.items()}
        if auc is None or by_user is None:
            found["rmse"] = float(np.sqrt(found.pop("mse")))
            return found
        found["calibration"] = _ratio(found["mean_prediction"], found["mean_label"])
        return {**found, "auc": auc(weights), USER_AUC: by_user.mean(weights)}

    return figures


def _weighted_auc(
    users: np.ndarray, labels: np.ndarray, predictions: np.ndarray
) -> Callable[[np.ndarray], float]:
    """The AUC, ties counting half, as a function of the users' weights; sorts once."""
    order = np.argsort(predictions, kind="stable")
    users, positive, predictions = users[order], labels[order] > 0, predictions[order]
    starts = np.flatnonzero(np.append(True, predictions[1:] != predictions[:-1]))

    def auc(weights: np.ndarray) -> float:
        drawn = weights[users].astype(np.float64)
        positives = np.add.reduceat(drawn * positive, starts)
        negatives = np.add.reduceat(drawn * ~positive, starts)
        below = np.cumsum(negatives) - negatives / 2
        return _ratio(positives @ below, positives.sum() * negatives.sum())

    return auc


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")
