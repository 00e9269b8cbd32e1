"""Which part an event plays: example, history, both or neither of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from schemas.features import EVENT_TYPE, TableLayout


def enters_history(interactions: pa.Table, layout: TableLayout) -> np.ndarray:
    """Which events are history to what comes after: all but exposures.

    Args:
      interactions: Canonical interactions.
      layout: Names the exposure types.

    Returns:
      [N] bool.
    """
    return ~_has_type(interactions, layout.exposure_types)


def is_example(interactions: pa.Table, layout: TableLayout) -> np.ndarray:
    """Which events are examples: all but those known only to have come before the log.

    Args:
      interactions: Canonical interactions.
      layout: Names the prior types.

    Returns:
      [N] bool.
    """
    return ~_has_type(interactions, layout.prior_types)


def _has_type(interactions: pa.Table, types: tuple[str, ...]) -> np.ndarray:
    """Which events are of one of some types; each distinct type is compared once."""
    if not types or interactions.num_rows == 0:
        return np.zeros(interactions.num_rows, bool)
    encoded = interactions[EVENT_TYPE].dictionary_encode().combine_chunks()
    wanted = np.isin(encoded.dictionary.to_numpy(zero_copy_only=False), types)
    return wanted[encoded.indices.to_numpy(zero_copy_only=False)]
