"""What TensorFlow Model Analysis hands to a metric, a block of interactions at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util


def labelled_blocks(element: Any, key: Any, eval_config: tfma.EvalConfig | None) -> Iterator[np.ndarray]:
    """The blocks of an element.

    Args:
      element: TFMA's standard inputs to a metric.
      key: The metric's: of which model and which output.
      eval_config: TFMA's.

    Yields:
      [3, N] float64 labels, predictions and weights.
    """
    for label, prediction, weight in metric_util.to_label_prediction_example_weight(
        element,
        eval_config=eval_config,
        model_name=key.model_name,
        output_name=key.output_name,
        example_weighted=key.example_weighted,
        flatten=False,
    ):
        labels = label.ravel()
        weights = np.broadcast_to(weight.ravel(), labels.shape)
        yield np.stack([labels, prediction.ravel(), weights]).astype(np.float64)
