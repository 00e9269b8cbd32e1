"""Distinct texts of a column, and where each stands."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def distinct_texts(column: pa.Array | pa.ChunkedArray) -> tuple[pa.StringArray, np.ndarray]:
    """Encodes a column, so that work on texts is done once for each distinct one.

    Args:
      column: [N] strings without nulls.

    Returns:
      [D] the distinct texts in the order of their first rows, and [N] int32 the place of each row's.
    """
    encoded = pa.chunked_array([column] if isinstance(column, pa.Array) else column.chunks, pa.string())
    encoded = encoded.dictionary_encode()
    if len(encoded) == 0:  # pyarrow 10 cannot combine the chunks of nothing
        return pa.array([], pa.string()), np.zeros(0, np.int32)
    combined = encoded.unify_dictionaries().combine_chunks()
    return combined.dictionary, combined.indices.to_numpy(zero_copy_only=False)
