"""The folds of the protocol `rating`: a random cross-validation of what values users give."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

NUM_FOLDS = 5


def draw_folds(num_events: int, seed: int, num_folds: int = NUM_FOLDS) -> np.ndarray:
    """[E] int64, the fold in which each event is tested; their sizes differ by one at most."""
    return np.random.default_rng(seed).permutation(num_events) % num_folds


def part(log: pa.Table, folds: np.ndarray, fold: int) -> tuple[pa.Table, pa.Table]:
    """What is learnt from and what is tested in a fold, in the order of the log."""
    tested = pa.array(folds == fold)
    return log.filter(pa.array(folds != fold)), log.filter(tested)
