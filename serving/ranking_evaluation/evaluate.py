"""The ranking part of an evaluation: what TFMA measured, and what it cannot."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from pipeline.config.evaluation import EvaluationConfig
from pipeline.config.ranking import TaskConfig
from pipeline.config.ranking_gate import USER_AUC, RankingGateConfig
from serving.evaluation_record import ALL, ITEM_MEAN, OVERALL, Bounded, CalibrationBin, RankingFigures
from serving.ranking_evaluation.calibration_bins import calibration_bins
from serving.ranking_evaluation.predictions import RankingPredictions, read_predictions
from serving.ranking_evaluation.tfma_results import Figures, loss_reason, read_figures, read_reasons
from serving.ranking_evaluation.user_auc import user_aucs
from serving.ranking_evaluation.user_bootstrap import user_bounds
from serving.ranking_evaluation.weighted_figures import weighted_figures


@dataclass(frozen=True)
class RankingEvaluation:
    """What was found of the ranking model.

    Attributes:
      figures: Task to slice feature to slice value to figures.
      calibration: Task with probabilities to bins of equal counts, from low to high.
      reasons: Why the bundle may not be pushed; none if it may.
    """

    figures: Figures
    calibration: dict[str, tuple[CalibrationBin, ...]]
    reasons: list[str]


def evaluate_ranking(
    predictions_dir: str,
    evaluation_dir: str,
    tasks: tuple[TaskConfig, ...],
    gate: RankingGateConfig,
    config: EvaluationConfig,
    slice_features: Collection[str],
    seed: int,
) -> RankingEvaluation:
    """Joins TFMA's figures with the AUC within users, confidence bounds, baselines and calibration.

    Args:
      predictions_dir: Examples that :class:`serving.ranking_evaluation.predictions.RankingPredictions` wrote.
      evaluation_dir: What TFX's `Evaluator` made of them.
      tasks: The tasks.
      gate: The thresholds.
      config: How finely calibration and bounds are measured.
      slice_features: Names of the features by which the examples are sliced.
      seed: Of the draws for confidence bounds.
    """
    data = read_predictions(predictions_dir, tasks, slice_features)
    figures = read_figures(evaluation_dir, tasks)
    reasons = read_reasons(evaluation_dir)
    bins = {}
    for task in tasks:
        counted = data.weights[task.name] > 0
        if task.name in data.item_means:
            figures[task.name] = _with_item_means(figures[task.name], data, task)
        if not counted.any():
            continue
        users, labels = data.users[counted], data.labels[task.name][counted]
        answers = data.answers[task.name][counted]
        bounds = user_bounds(
            weighted_figures(task, users, labels, answers), users, seed, config.ranking_samples
        )
        overall = figures[task.name][OVERALL]
        overall[ALL] = _with_bounds(overall[ALL], bounds)
        if not task.is_regression:
            bins[task.name] = calibration_bins(answers, labels, config.calibration_bins)
            reasons += _user_auc_reasons(data, task, gate)
    return RankingEvaluation(figures, bins, reasons)


def _with_bounds(figures: RankingFigures, bounds: dict[str, Bounded]) -> RankingFigures:
    """TFMA's figures with bounds, and the AUC within users, which TFMA has not."""
    metrics = {
        name: bounds[name].model_copy(update={"value": figure.value}) if name in bounds else figure
        for name, figure in figures.metrics.items()
    }
    if USER_AUC in bounds:
        metrics[USER_AUC] = bounds[USER_AUC]
    return figures.model_copy(update={"metrics": metrics})


def _with_item_means(
    figures: dict[str, dict[str, RankingFigures]], data: RankingPredictions, task: TaskConfig
) -> dict[str, dict[str, RankingFigures]]:
    """The error of each item's mean in the training split, beside the model's, in every slice."""
    counted = data.weights[task.name] > 0
    errors = np.square(data.item_means[task.name].astype(np.float64) - data.labels[task.name])

    def beside(feature: str, value: str, of: RankingFigures) -> RankingFigures:
        rows = counted if feature == OVERALL else counted & (data.slices[feature] == value.encode())
        return of.model_copy(update={"baselines": {ITEM_MEAN: float(np.sqrt(errors[rows].mean()))}})

    return {
        feature: {value: beside(feature, value, of) for value, of in values.items()}
        for feature, values in figures.items()
    }


def _user_auc_reasons(data: RankingPredictions, task: TaskConfig, gate: RankingGateConfig) -> list[str]:
    """Where the AUC within users breaks its bounds."""
    reasons = []
    counted = data.weights[task.name] > 0
    value, previous = (
        user_aucs(data.users[counted], data.labels[task.name][counted], answers[task.name][counted]).mean()
        for answers in (data.answers, data.previous)
    )
    said = f"ranking: {USER_AUC} of {task.name}"
    for bound in gate.bounds_of(task).get(USER_AUC, ()):
        if math.isnan(value):
            reasons.append(f"{said} cannot be measured: no user has both labels")
            continue
        if bound.at_least is not None and value < bound.at_least:
            reasons.append(f"{said} is {value:.4f}, below {bound.at_least:g}")
        if bound.at_most is not None and value > bound.at_most:
            reasons.append(f"{said} is {value:.4f}, above {bound.at_most:g}")
        if bound.lose_at_most is not None and value < previous * (1 - bound.lose_at_most):
            reasons.append(loss_reason(said, previous - value, bound.lose_at_most))
    return reasons
