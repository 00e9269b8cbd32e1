"""Requests put together into one batch, and its answers taken apart again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from serving.server.status import Code, ServingError

Feeds = Mapping[str, np.ndarray]


def batch_size(feeds: Feeds) -> int | None:
    """Rows of a request; `None` if it has no batch dimension, or its inputs disagree on it."""
    sizes = {array.shape[0] if array.ndim else None for array in feeds.values()}
    return sizes.pop() if len(sizes) == 1 else None


def merged(requests: Sequence[Feeds], allowed_sizes: Sequence[int] = ()) -> dict[str, np.ndarray]:
    """Concatenates requests along their first dimension.

    Lists of unequal length are filled up at the end, with zeros or empty strings. The batch is filled up
    to the next allowed size with copies of its last row.

    Args:
      requests: The same tensors of the same types and ranks in each.
      allowed_sizes: Growing; empty: any size.
    """
    batch = {}
    for name in requests[0]:
        arrays = [request[name] for request in requests]
        inner = np.max([array.shape[1:] for array in arrays], axis=0).astype(int)
        batch[name] = np.concatenate([_padded(array, inner) for array in arrays])
    rows = len(next(iter(batch.values())))
    fill = next((size for size in allowed_sizes if size >= rows), rows) - rows
    if fill:
        batch = {name: np.concatenate([array, *[array[-1:]] * fill]) for name, array in batch.items()}
    return batch


def split(outputs: Sequence[np.ndarray], sizes: Sequence[int], rows: int) -> list[list[np.ndarray]]:
    """Takes a batch's outputs apart.

    Args:
      outputs: Of the batch.
      sizes: Rows of each request, at least one.
      rows: Of the batch, with what filled it up.

    Returns:
      For each request its outputs.

    Raises:
      ServingError: FAILED_PRECONDITION: an output has no row for each of the inputs.
    """
    if any(array.ndim == 0 or len(array) != rows for array in outputs):
        message = "Batched output tensor's 0th dimension does not equal the batch's size"
        raise ServingError(Code.FAILED_PRECONDITION, message)
    ends = np.cumsum([0, *sizes])
    return [[array[start:end] for array in outputs] for start, end in pairwise(ends)]


def _padded(array: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Fills the inner dimensions up to the given sizes."""
    if array.shape[1:] == tuple(inner):
        return array
    nothing: object = b"" if array.dtype.kind in "OS" else 0
    filled = np.full((len(array), *inner), nothing, dtype=array.dtype)
    filled[tuple(slice(size) for size in array.shape)] = array
    return filled
