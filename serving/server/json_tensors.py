"""Values of a JSON document to the arrays of a signature's inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2

from serving.server.json_numbers import is_lossless
from serving.server.json_value import decoded_base64, is_base64, string_bytes, type_name, value_text
from serving.server.status import Code, ServingError
from serving.server.tensors import data_type_name, numpy_dtype

_MAX_RANK = 31  # NumPy's, less one for the batch of rows
_INT32, _INT64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
_RANGES = {
    # As on the wire, where all of these are integers of 32 bits; a value beyond its type wraps around.
    **dict.fromkeys((types_pb2.DT_INT32, types_pb2.DT_INT16, types_pb2.DT_INT8, types_pb2.DT_UINT8), _INT32),
    types_pb2.DT_INT64: _INT64,
    types_pb2.DT_UINT32: (0, 2**32 - 1),
    types_pb2.DT_UINT64: (0, 2**64 - 1),
}
_FLOATS = (types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE)


def array_from_value(value: Any, data_type: int) -> np.ndarray:
    """Makes a dense tensor of nested lists.

    Args:
      value: A number, string, boolean or `{"b64": ...}`, or lists of them, nested alike.
      data_type: The `DataType` it is to have.

    Returns:
      The array: `bytes` objects for strings.

    Raises:
      ServingError: The lists are ragged, or a value is not of the type.
    """
    shape = _dense_shape(value)
    leaves = _leaves(value, shape)
    flat = None if leaves is None else _converted(leaves, data_type)
    if flat is None:
        _raise_first_fault(value, shape, data_type)
        raise ServingError(Code.INVALID_ARGUMENT, f"Not a tensor of type {data_type_name(data_type)}")
    if len(shape) > _MAX_RANK:
        raise ServingError(Code.INVALID_ARGUMENT, f"tensor parsing error: {len(shape)} dimensions")
    return flat.reshape(shape)


def _dense_shape(value: Any) -> list[int]:
    """The shape, if the lists are nested alike: that along the first entries."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def _leaves(value: Any, shape: list[int]) -> list[Any] | None:
    level = [value]
    for size in shape:
        for entry in level:
            if type(entry) is not list or len(entry) != size:
                return None
        level = list(chain.from_iterable(level))
    return level


def _converted(leaves: list[Any], data_type: int) -> np.ndarray | None:
    """All values at once, or `None` if one of them is not of the type."""
    dtype = numpy_dtype(data_type)
    types = set(map(type, leaves))
    if dtype is None or not leaves:
        return None if dtype is None else np.empty(0, dtype)
    if data_type in _FLOATS:
        return _converted_decimals(leaves, types, dtype)
    if data_type in _RANGES:
        low, high = _RANGES[data_type]
        if types != {int} or min(leaves) < low or max(leaves) > high:
            return None
        return np.array(leaves, np.uint64 if high > _INT64[1] else np.int64).astype(dtype)
    if data_type == types_pb2.DT_BOOL:
        return np.array(leaves, dtype) if types == {bool} else None
    if data_type == types_pb2.DT_STRING and types <= {str, dict}:
        flat = np.empty(len(leaves), np.object_)
        flat[:] = [string_bytes(leaf) if type(leaf) is str else decoded_base64(leaf) for leaf in leaves]
        return flat
    return None


def _converted_decimals(leaves: list[Any], types: set[type], dtype: np.dtype[Any]) -> np.ndarray | None:
    if not types <= {int, float}:
        return None
    if int in types and not all(is_lossless(leaf, dtype) for leaf in leaves if type(leaf) is int):
        return None
    wide = np.array(leaves, np.float64)
    if dtype == np.float32:
        finite = wide[np.isfinite(wide)]
        if finite.size and np.abs(finite).max() > float(np.finfo(dtype).max):
            return None
    return wide.astype(dtype)


def _raise_first_fault(value: Any, shape: list[int], data_type: int) -> None:
    """Finds what is wrong, in order of the document.

    Raises:
      ServingError: For the first value or list that does not fit.
    """
    rank = len(shape)
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        entry, level = waiting.pop()
        if not isinstance(entry, list):
            if level != rank:
                raise _invalid(
                    f"JSON Value: {value_text(entry)} found at incorrect level: {level + 1} "
                    f"in the JSON DOM. Expected at level: {rank}"
                )
            _check_value(entry, data_type)
            continue
        if level >= rank:
            raise _invalid(f"Encountered list at unexpected level: {level} expected < {rank}")
        if len(entry) != shape[level]:
            raise _invalid(
                f"Encountered list at unexpected size: {len(entry)} at level: {level} "
                f"expected size: {shape[level]}"
            )
        waiting.extend((inner, level + 1) for inner in reversed(entry))


def _check_value(value: Any, data_type: int) -> None:
    name = data_type_name(data_type)
    if isinstance(value, dict) and data_type == types_pb2.DT_STRING:
        decoded_base64(value)
        return
    check = _CHECKS.get(data_type)
    if check is None and not isinstance(value, dict):
        message = f"Conversion of JSON Value: {value_text(value)} to type: {name}"
        raise ServingError(Code.UNIMPLEMENTED, message)
    if check is None or not check(value):
        message = f"JSON Value: {value_text(value)} Type: {type_name(value)} is not of expected type: {name}"
        raise _invalid(message)
    dtype = numpy_dtype(data_type)
    if data_type in _FLOATS and dtype is not None and not is_lossless(value, dtype):
        message = f"Cannot convert JSON value: {value_text(value)} to {name} without loss of precision."
        raise _invalid(message)


def _is_integer_in(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


_CHECKS: Mapping[int, Callable[[Any], bool]] = {
    **{data_type: _is_integer_in(*bounds) for data_type, bounds in _RANGES.items()},
    **dict.fromkeys(_FLOATS, lambda value: type(value) in (int, float)),
    types_pb2.DT_BOOL: lambda value: type(value) is bool,
    types_pb2.DT_STRING: lambda value: type(value) is str,
}


def is_named(value: Any) -> bool:
    """Whether an entry of a list is an object of named values, and not one that stands for bytes."""
    return isinstance(value, dict) and not is_base64(value)


def _invalid(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
