"""Rows of any length as a dense array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def string_rows(rows: Sequence[Sequence[str]]) -> npt.NDArray[Any]:
    """[N, longest] of N rows of strings, filled up with empty ones."""
    return _filled(rows, np.full((len(rows), _longest(rows)), "", np.object_))


def number_rows(rows: Sequence[Sequence[float]], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """[N, longest] of N rows of numbers, filled up with zeros."""
    return _filled(rows, np.zeros((len(rows), _longest(rows)), dtype))


def pad_columns(array: npt.NDArray[Any], width: int) -> npt.NDArray[Any]:
    """[N, width] of an [N, narrower] array: strings are filled up with empty ones, numbers with zeros."""
    missing = np.full(
        (len(array), width - array.shape[1]), b"" if array.dtype == np.object_ else 0, array.dtype
    )
    return np.concatenate([array, missing], axis=1)


def _longest(rows: Sequence[Sequence[Any]]) -> int:
    """Length of the longest row."""
    return max((len(row) for row in rows), default=0)


def _filled(rows: Sequence[Sequence[Any]], dense: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The array, with the rows written into it."""
    for place, row in zip(dense, rows, strict=True):
        place[: len(row)] = row
    return dense
