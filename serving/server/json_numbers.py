"""Numbers in JSON: how decimals are written, and which of them a type takes without loss."""

from __future__ import annotations

import math

import numpy as np

# Digits by which every number of a type can be told from its neighbours.
_DIGITS = {np.dtype(np.float32): 9, np.dtype(np.float64): 17}
# The largest integer up to which a type has all of them.
_MAX_INTEGER = {np.dtype(np.float32): 2**24 - 1, np.dtype(np.float64): 2**53 - 1}


def decimal_texts(values: np.ndarray) -> list[str]:
    """Writes decimals as TensorFlow Serving does: six digits where they suffice, otherwise all.

    Args:
      values: `[n]` float32 or float64.

    Returns:
      `n` numbers; whole ones end with `.0`, and there are `NaN`, `Infinity` and `-Infinity`.
    """
    numbers = values.tolist()
    texts = ("%.6g " * len(numbers) % tuple(numbers)).split()
    # What was written is read again, all in one call.
    read = np.array(list(map(float, texts)), np.float64).astype(values.dtype)
    full = f"%.{_DIGITS[values.dtype]}g"
    for index in np.flatnonzero(read != values).tolist():
        texts[index] = full % numbers[index] if math.isfinite(numbers[index]) else texts[index]
    texts = [text if "." in text or "e" in text else f"{text}.0" for text in texts]
    for index in np.flatnonzero(~np.isfinite(values)).tolist():
        number = numbers[index]
        texts[index] = "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return texts


def is_lossless(number: float, dtype: np.dtype) -> bool:
    """Whether a number of a document can be one of a floating type.

    An integer of 64 bits must be one that the type has exactly, whatever its neighbours; a decimal, or an
    integer beyond 64 bits, must be in the type's range.
    """
    if isinstance(number, int) and -(2**63) <= number < 2**64:
        return abs(number) <= _MAX_INTEGER[dtype]
    try:
        decimal = float(number)
    except OverflowError:
        return False
    return not math.isfinite(decimal) or abs(decimal) <= float(np.finfo(dtype).max)
