"""Confidence bounds by drawing users anew."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from serving.evaluation_record import Bounded


def user_bounds(
    figures: Callable[[np.ndarray], dict[str, float]], users: np.ndarray, seed: int, resamples: int
) -> dict[str, Bounded]:
    """Figures, each with the bounds that hold 95% of the resamples (Efron's percentiles).

    Users are drawn, not examples: what one user does hangs together, and bounds over examples would be too
    narrow.

    Args:
      figures: From [max user row + 1] how often each user counts to figures by their names.
      users: [N] rows of the users that there are, each as often as one likes.
      seed: Of the draws.
      resamples: How many.

    Returns:
      Those figures that are finite; without bounds if none of the resamples has any.
    """
    there = np.unique(users)
    size = int(users.max()) + 1
    once = np.zeros(size)
    once[there] = 1
    rng = np.random.default_rng(seed)
    drawn = [
        figures(np.bincount(rng.choice(there, len(there)), minlength=size).astype(float))
        for _ in range(resamples)
    ]
    found = {}
    for name, value in figures(once).items():
        if np.isfinite(value):
            values = np.array([draw[name] for draw in drawn])
            values = values[np.isfinite(values)]
            low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (None, None)
            found[name] = Bounded(value=value, low=low, high=high)
    return found
