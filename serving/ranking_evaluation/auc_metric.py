"""The AUC, for TensorFlow Model Analysis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from serving.ranking_evaluation.labelled_blocks import labelled_blocks

Rows = list[np.ndarray]


class AucMetric(tfma.metrics.Metric):
    """The area under the receiver operating characteristic, exact; ties count half.

    TFMA's own counts over 10,000 even thresholds, in Python's time for each interaction: slow, and coarse
    where probabilities are small, as those of a click are. This one keeps three numbers an interaction.
    """

    def __init__(self, name: str = "auc"):
        """Initializes the metric.

        Args:
          name: In the results.
        """
        super().__init__(metric_util.merge_per_key_computations(_computations), name=name)


def _computations(
    name: str,
    eval_config: tfma.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> list[Any]:
    key = tfma.metrics.MetricKey(
        name=name, model_name=model_name, output_name=output_name, example_weighted=example_weighted
    )
    return [
        tfma.metrics.MetricComputation(keys=[key], preprocessors=None, combiner=_Auc(key, eval_config)),
    ]


class _Auc(beam.CombineFn):
    """Keeps labels, predictions and weights; [3, N] float64, in pieces."""

    def __init__(self, key: Any, eval_config: tfma.EvalConfig | None):
        """Initializes the AUC of a model's output."""
        self._key = key
        self._eval_config = eval_config

    def create_accumulator(self) -> Rows:
        """Nothing yet."""
        return []

    def add_input(self, accumulator: Rows, element: Any) -> Rows:
        """Adds a block."""
        return [*accumulator, *labelled_blocks(element, self._key, self._eval_config)]

    def merge_accumulators(self, accumulators: Iterable[Rows]) -> Rows:
        """All pieces."""
        return [rows for accumulator in accumulators for rows in accumulator]

    def extract_output(self, accumulator: Rows) -> dict[Any, float]:
        """The AUC; NaN where the labels are all alike."""
        labels, predictions, weights = np.concatenate([np.zeros((3, 0)), *accumulator], axis=1)
        return {self._key: exact_auc(labels, predictions, weights)}


def exact_auc(labels: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> float:
    """The share of pairs of a positive and a negative in which the positive has the higher prediction.

    Args:
      labels: [N], 0 or 1.
      predictions: [N]; a tie counts half.
      weights: [N] how often each counts.

    Returns:
      The AUC; NaN where nothing, or nothing else, counts.
    """
    counted = weights > 0
    if not counted.any():
        return float("nan")
    positive, weights = labels[counted] > 0, weights[counted]
    _, places = np.unique(predictions[counted], return_inverse=True)
    positives = np.bincount(places, weights=weights * positive)
    negatives = np.bincount(places, weights=weights * ~positive)
    pairs = positives.sum() * negatives.sum()
    below = np.cumsum(negatives) - negatives / 2
    return float(positives @ below / pairs) if pairs > 0 else float("nan")
