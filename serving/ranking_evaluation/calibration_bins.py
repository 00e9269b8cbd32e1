"""Whether what is predicted is what comes true, from the least likely to the likeliest."""

from __future__ import annotations

import numpy as np

from serving.evaluation_record import CalibrationBin


def calibration_bins(
    predictions: np.ndarray, labels: np.ndarray, num_bins: int
) -> tuple[CalibrationBin, ...]:
    """Bins of equal counts, from low to high predictions.

    Args:
      predictions: [N] probabilities.
      labels: [N], 0 or 1.
      num_bins: How many; fewer if there are fewer examples.
    """
    order = np.argsort(predictions, kind="stable")
    bins = np.array_split(order, min(num_bins, len(order))) if len(order) else []
    return tuple(
        CalibrationBin(
            examples=len(rows),
            mean_prediction=float(predictions[rows].mean(dtype=np.float64)),
            mean_label=float(labels[rows].mean(dtype=np.float64)),
        )
        for rows in bins
    )
