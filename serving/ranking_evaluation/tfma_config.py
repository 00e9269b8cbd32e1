"""What TensorFlow Model Analysis is asked to measure and to refuse."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import tensorflow_model_analysis as tfma

from pipeline.config.ranking import TaskConfig
from pipeline.config.ranking_gate import MetricBound, RankingGateConfig, metrics_of
from pipeline.errors import InputError
from serving.evaluation_record import ALL, OVERALL
from serving.ranking_evaluation.auc_metric import AucMetric
from serving.ranking_evaluation.columns import prediction_name, previous_name, slice_name
from serving.ranking_evaluation.sums_metric import EXAMPLES, SumsMetric

CANDIDATE, PREVIOUS = tfma.CANDIDATE_KEY, tfma.BASELINE_KEY

# The answers stand in the examples, and no model is loaded.
_MODEL_TYPE = "materialized_prediction"
# Sums of the same numbers, in whatever order Beam takes them, are no change.
_ROUNDING = 1e-9


def eval_config(
    tasks: tuple[TaskConfig, ...], gate: RankingGateConfig, slice_features: Collection[str] = ()
) -> tfma.EvalConfig:
    """The configuration of TFX's `Evaluator`.

    It compares two models, the judged one and the last that was pushed, by what both answered to the same
    examples; see :class:`serving.ranking_evaluation.predictions.RankingPredictions`.

    Args:
      tasks: The ranking tasks; each is one output of both models.
      gate: The thresholds.
      slice_features: Names of the features by which the examples are sliced.

    Raises:
      InputError: A threshold is of a slice feature that there is not.
    """
    _check_slices(gate, slice_features)
    return tfma.EvalConfig(
        model_specs=[
            _model_spec(CANDIDATE, tasks, prediction_name, is_baseline=False),
            _model_spec(PREVIOUS, tasks, previous_name, is_baseline=True),
        ],
        slicing_specs=[
            tfma.SlicingSpec(feature_keys=[slice_name(name)]) for name in (OVERALL, *slice_features)
        ],
        metrics_specs=[_metrics_spec(task, gate) for task in tasks],
    )


def _check_slices(gate: RankingGateConfig, slice_features: Collection[str]) -> None:
    """Refuses a threshold of an unknown slice feature, or of two crossed, which are not measured."""
    for task, metrics in gate.thresholds.items():
        for metric, bounds in metrics.items():
            for bound in bounds:
                unknown = sorted(set(bound.slice) - set(slice_features))
                if unknown:
                    there = ", ".join(slice_features) or "none"
                    raise InputError(
                        f"gate.ranking.thresholds: {task}.{metric} is of the slice feature '{unknown[0]}'; "
                        f"there are {there}"
                    )
                if len(bound.slice) > 1:
                    raise InputError(
                        f"gate.ranking.thresholds: {task}.{metric} crosses the slice features "
                        f"{', '.join(bound.slice)}; take one"
                    )


def _model_spec(name: str, tasks: tuple[TaskConfig, ...], column: Any, is_baseline: bool) -> tfma.ModelSpec:
    return tfma.ModelSpec(
        name=name,
        model_type=_MODEL_TYPE,
        is_baseline=is_baseline,
        label_keys={task.name: task.label_name for task in tasks},
        example_weight_keys={task.name: task.weight_name for task in tasks},
        prediction_keys={task.name: column(task.name) for task in tasks},
    )


def _metrics_spec(task: TaskConfig, gate: RankingGateConfig) -> tfma.MetricsSpec:
    """A task's metrics under our own names, each with its thresholds."""
    thresholds = gate.bounds_of(task)
    metrics = [_metric(EXAMPLES, None, ())]
    for name, direction in metrics_of(task).items():
        metrics.append(_metric(name, direction, thresholds.get(name, ())))
    return tfma.MetricsSpec(output_names=[task.name], metrics=metrics)


def _metric(name: str, direction: str | None, bounds: tuple[MetricBound, ...]) -> tfma.MetricConfig:
    """One metric."""
    metric = AucMetric if name == "auc" else SumsMetric
    return tfma.MetricConfig(
        class_name=metric.__name__,
        module=metric.__module__,
        config=json.dumps({"name": name}),
        per_slice_thresholds=[
            tfma.PerSliceMetricThreshold(
                slicing_specs=[
                    tfma.SlicingSpec(
                        feature_values={slice_name(k): v for k, v in (bound.slice or {OVERALL: ALL}).items()}
                    )
                ],
                threshold=_threshold(bound, direction),
            )
            for bound in bounds
        ],
    )


def _threshold(bound: MetricBound, direction: str | None) -> tfma.MetricThreshold:
    threshold = tfma.MetricThreshold()
    if bound.at_least is not None:
        threshold.value_threshold.lower_bound.value = bound.at_least
    if bound.at_most is not None:
        threshold.value_threshold.upper_bound.value = bound.at_most
    if bound.lose_at_most is not None:
        is_higher_better = direction == "higher"
        change = threshold.change_threshold
        change.direction = getattr(
            tfma.MetricDirection, "HIGHER_IS_BETTER" if is_higher_better else "LOWER_IS_BETTER"
        )
        lost = bound.lose_at_most + _ROUNDING
        change.relative.value = -lost if is_higher_better else lost
    return threshold
