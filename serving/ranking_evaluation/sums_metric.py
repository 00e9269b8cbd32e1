"""Metrics for TensorFlow Model Analysis that take a block of interactions at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from serving.ranking_evaluation.labelled_blocks import labelled_blocks

EXAMPLES = "examples"

_SUMS = "_sums"  # a leading underscore keeps it out of TFMA's results
# Keeps the logarithm of a probability finite, as Keras does.
_EPSILON = 1e-7
_ROWS = ("weight", "label", "prediction", "square", "distance", "surprise")


class SumsMetric(tfma.metrics.Metric):
    """A metric that follows from sums over the interactions: `examples`, `rmse`, `mae`, `log_loss`,
    `calibration`, `mean_label` or `mean_prediction`.

    TFMA's own take Python's time for each interaction, and know no root of a mean nor a bounded logarithm.
    All of a task share one pass.
    """

    def __init__(self, name: str):
        """Initializes the metric.

        Args:
          name: Which one.
        """
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


def _computations(
    name: str,
    eval_config: tfma.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> list[Any]:
    """The sums, which TFMA takes once however many metrics name them, and the metric."""

    def key_of(which: str) -> Any:
        return tfma.metrics.MetricKey(
            name=which, model_name=model_name, output_name=output_name, example_weighted=example_weighted
        )

    sums, key, metric = key_of(_SUMS), key_of(name), _METRICS[name]
    return [
        tfma.metrics.MetricComputation(keys=[sums], preprocessors=None, combiner=_Sums(sums, eval_config)),
        tfma.metrics.DerivedMetricComputation(
            keys=[key], result=lambda metrics: {key: metric(dict(zip(_ROWS, metrics[sums], strict=True)))}
        ),
    ]


class _Sums(beam.CombineFn):
    """Sums of what the metrics need; float64 in the order of `_ROWS`."""

    def __init__(self, key: Any, eval_config: tfma.EvalConfig | None):
        """Initializes the sums of a model's output."""
        self._key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> np.ndarray:
        """Nothing yet."""
        return np.zeros(len(_ROWS))

    def add_input(self, accumulator: np.ndarray, element: Any) -> np.ndarray:
        """Adds a block."""
        for y, p, weights in labelled_blocks(element, self._key, self._eval_config):
            q = np.clip(p, _EPSILON, 1 - _EPSILON)
            surprise = -(y * np.log(q) + (1 - y) * np.log1p(-q))
            rows = np.stack([np.ones_like(y), y, p, np.square(p - y), np.abs(p - y), surprise])
            accumulator = accumulator + rows @ weights
        return accumulator

    def merge_accumulators(self, accumulators: Iterable[np.ndarray]) -> np.ndarray:
        """The sum of sums."""
        return np.sum(list(accumulators), axis=0)

    def extract_output(self, accumulator: np.ndarray) -> dict[Any, np.ndarray]:
        """The sums as a metric, which others are derived from."""
        return {self._key: accumulator}


def _mean(row: str) -> Callable[[dict[str, float]], float]:
    return lambda sums: _ratio(sums[row], sums["weight"])


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else float("nan")


_METRICS: dict[str, Callable[[dict[str, float]], float]] = {
    EXAMPLES: lambda sums: float(sums["weight"]),
    "rmse": lambda sums: float(np.sqrt(_ratio(sums["square"], sums["weight"]))),
    "mae": _mean("distance"),
    "log_loss": _mean("surprise"),
    "calibration": lambda sums: _ratio(sums["prediction"], sums["label"]),
    "mean_label": _mean("label"),
    "mean_prediction": _mean("prediction"),
}
