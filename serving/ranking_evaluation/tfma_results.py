"""What TensorFlow Model Analysis found, in our own words."""

from __future__ import annotations

import math
from typing import Any

import tensorflow_model_analysis as tfma

from pipeline.config.ranking import TaskConfig
from serving.evaluation_record import OVERALL, Bounded, RankingFigures
from serving.ranking_evaluation.columns import slice_name
from serving.ranking_evaluation.sums_metric import EXAMPLES
from serving.ranking_evaluation.tfma_config import CANDIDATE

Figures = dict[str, dict[str, dict[str, RankingFigures]]]


def read_figures(evaluation_dir: str, tasks: tuple[TaskConfig, ...]) -> Figures:
    """The figures of the judged model.

    Args:
      evaluation_dir: Folder of the ModelEvaluation artifact.
      tasks: The tasks.

    Returns:
      Task to slice feature to slice value to figures; without slices of which no example has a label, and
      without metrics that are not numbers, as the AUC of labels that are all alike.
    """
    found: Figures = {task.name: {} for task in tasks}
    result = tfma.load_eval_result(evaluation_dir, model_name=CANDIDATE)
    for key, outputs in result.slicing_metrics:
        feature, value = _slice(key)
        for task in tasks:
            # TFMA writes what is not a number as text.
            values = outputs[task.name][""]
            metrics = {name: float(x["doubleValue"]) for name, x in values.items() if "doubleValue" in x}
            examples = round(metrics.pop(EXAMPLES))
            if examples:
                found[task.name].setdefault(feature, {})[value] = RankingFigures(
                    examples=examples,
                    metrics={n: Bounded(value=x) for n, x in metrics.items() if _is_ours(n, x)},
                )
    return found


def read_reasons(evaluation_dir: str) -> list[str]:
    """Why TFMA does not validate the judged model; a line a failed threshold.

    Args:
      evaluation_dir: Folder of the ModelEvaluation artifact.
    """
    result = tfma.load_validation_result(evaluation_dir)
    if result.validation_ok or result.missing_thresholds:
        return []
    reasons = [
        _explained(failure, _of_slice(tfma.slicer.deserialize_slice_key(part.slice_key)))
        for part in result.metric_validations_per_slice
        for failure in part.failures
    ]
    for spec in result.missing_slices:
        slices = _of_slice(tuple(spec.feature_values.items()))
        reasons.append(f"ranking: there is a threshold{slices}, and no example of it")
    return sorted(reasons)


def loss_reason(said: str, lost: float, allowed: float) -> str:
    """What is said of a figure that is too much worse than the last bundle's."""
    return f"{said} is {lost:.4f} worse than the last bundle's, more than {allowed:.0%} of it"


def _is_ours(name: str, value: float) -> bool:
    """Whether it is a number, and not the difference to the other model."""
    return math.isfinite(value) and not name.endswith("_diff")


def _slice(key: tuple[tuple[str, Any], ...]) -> tuple[str, str]:
    """Slice feature and value of TFMA's key of a slice."""
    ((column, value),) = key
    return column.removeprefix(slice_name("")), value.decode() if isinstance(value, bytes) else str(value)


def _of_slice(key: tuple[tuple[str, Any], ...]) -> str:
    feature, value = _slice(key)
    return "" if feature == OVERALL else f" where {feature} is {value}"


def _explained(failure: Any, of_slice: str) -> str:
    """One failed threshold."""
    key, value = failure.metric_key, failure.metric_value.double_value.value
    said = f"ranking: {key.name.removesuffix('_diff')} of {key.output_name}{of_slice}"
    threshold = failure.metric_threshold
    if not failure.HasField("metric_value") or not math.isfinite(value):
        return f"{said} cannot be measured: its labels are all alike, or there are none"
    if threshold.HasField("change_threshold"):
        allowed = round(abs(threshold.change_threshold.relative.value), 6)
        return loss_reason(said, abs(value), allowed)
    bounds = threshold.value_threshold
    if bounds.HasField("lower_bound") and value < bounds.lower_bound.value:
        return f"{said} is {value:.4f}, below {bounds.lower_bound.value:g}"
    return f"{said} is {value:.4f}, above {bounds.upper_bound.value:g}"
