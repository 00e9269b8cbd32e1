"""Which part an event plays: example, history, both or neither of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.distinct import distinct_texts
from schemas.features import EVENT_TYPE, TableLayout


def enters_history(interactions: pa.Table, layout: TableLayout) -> np.ndarray:
    """Which events are history to what comes after: all but exposures.

    Args:
      interactions: Canonical interactions.
      layout: Names the exposure types.

    Returns:
      [N] bool.
    """
    return ~has_type(interactions, layout.exposure_types)


def is_example(interactions: pa.Table, layout: TableLayout) -> np.ndarray:
    """Which events are examples: all but those known only to have come before the log.

    Args:
      interactions: Canonical interactions.
      layout: Names the prior types.

    Returns:
      [N] bool.
    """
    return ~has_type(interactions, layout.prior_types)


def has_type(interactions: pa.Table, types: tuple[str, ...]) -> np.ndarray:
    """Which events are of one of some types; [N] bool. Without types none is, nor are types needed."""
    if not types:
        return np.zeros(interactions.num_rows, bool)
    names, codes = distinct_texts(interactions[EVENT_TYPE])
    return np.isin(names.to_numpy(zero_copy_only=False), types)[codes]
