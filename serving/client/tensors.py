"""Arrays to tensors on the wire, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.client.messages import Tensor


@dataclass(frozen=True)
class _Kind:
    """How a data type of TensorFlow travels.

    Attributes:
      name: TensorFlow's, without `DT_`.
      number: In its enumeration `DataType`.
      dtype: That an array has here.
      field: Of the message, with values one by one.
    """

    name: str
    number: int
    dtype: Any
    field: str


_KINDS = (
    _Kind("FLOAT", 1, np.float32, "float_val"),
    _Kind("DOUBLE", 2, np.float64, "double_val"),
    _Kind("INT32", 3, np.int32, "int_val"),
    _Kind("UINT8", 4, np.uint8, "int_val"),
    _Kind("INT16", 5, np.int16, "int_val"),
    _Kind("INT8", 6, np.int8, "int_val"),
    _Kind("STRING", 7, np.object_, "string_val"),
    _Kind("COMPLEX64", 8, np.complex64, "scomplex_val"),
    _Kind("INT64", 9, np.int64, "int64_val"),
    _Kind("BOOL", 10, np.bool_, "bool_val"),
    _Kind("BFLOAT16", 14, np.uint16, "half_val"),
    _Kind("UINT16", 17, np.uint16, "int_val"),
    _Kind("COMPLEX128", 18, np.complex128, "dcomplex_val"),
    _Kind("HALF", 19, np.float16, "half_val"),
    _Kind("UINT32", 22, np.uint32, "uint32_val"),
    _Kind("UINT64", 23, np.uint64, "uint64_val"),
)
_BY_NUMBER = {kind.number: kind for kind in _KINDS}
_BY_DTYPE = {np.dtype(kind.dtype): kind for kind in _KINDS if kind.name != "BFLOAT16"}
_STRING = _BY_DTYPE[np.dtype(np.object_)]


def dtype_name(number: int) -> str:
    """TensorFlow's name of a data type, such as `DT_FLOAT`; `DT_` and the number if it is not known here."""
    kind = _BY_NUMBER.get(number)
    return f"DT_{kind.name if kind else number}"


def as_array(values: npt.ArrayLike) -> npt.NDArray[Any]:
    """An array as it is sent: strings as an array of bytes objects.

    Args:
      values: An array, or what NumPy makes one of: strings of either kind, numbers, booleans.

    Raises:
      TypeError: It is of a type that no tensor has.
      ValueError: It is ragged.
    """
    # As objects first: NumPy's own strings lose null characters at their end, and are of one kind.
    objects = np.asarray(values, np.object_)
    first = next(objects.flat, None)
    array = objects if isinstance(first, str | bytes) else np.asarray(values)
    if array.dtype.kind in "USO":
        encoded = np.empty(objects.size, np.object_)
        encoded[:] = [_as_bytes(value) for value in objects.flat]
        return encoded.reshape(objects.shape)
    if array.dtype.newbyteorder("=") not in _BY_DTYPE:
        raise TypeError(f"an array of {array.dtype} cannot be sent")
    return array


def _as_bytes(value: object) -> bytes:
    """A string in UTF-8."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes):
        return value
    raise TypeError(f"an array of objects holds strings, not {type(value).__name__}")


def to_tensor(values: npt.ArrayLike) -> Any:
    """A tensor of an array.

    Args:
      values: See :func:`as_array`.

    Returns:
      The message; numbers are in `tensor_content`, little-endian.

    Raises:
      TypeError, ValueError: See :func:`as_array`.
    """
    array = as_array(values)
    kind = _BY_DTYPE[array.dtype.newbyteorder("=")]
    tensor = Tensor(dtype=kind.number)
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if kind is _STRING:
        tensor.string_val.extend(array.ravel().tolist())
    else:
        tensor.tensor_content = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return tensor


def to_array(tensor: Any) -> npt.NDArray[Any]:
    """The array of a tensor.

    Args:
      tensor: The message. Fewer values than its shape calls for are filled up with the last of them.

    Returns:
      The array; strings are bytes objects, bfloat16 becomes float32.

    Raises:
      ValueError: It is of a type that NumPy lacks, or holds more or fewer values than fit.
    """
    kind = _BY_NUMBER.get(tensor.dtype)
    if kind is None:
        raise ValueError(f"a tensor of type {tensor.dtype} cannot be read")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    size = int(np.prod(shape, dtype=np.int64))
    if tensor.tensor_content:
        flat = np.frombuffer(tensor.tensor_content, np.dtype(kind.dtype).newbyteorder("<")).astype(kind.dtype)
    else:
        flat = _listed(kind, getattr(tensor, kind.field))
    if flat.size < size:
        flat = np.concatenate([flat, np.repeat(flat[-1:] if flat.size else _zero(kind), size - flat.size)])
    if flat.size != size:
        raise ValueError(f"a tensor of shape {list(shape)} holds {flat.size} values")
    if kind.name == "BFLOAT16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.reshape(shape)


def _listed(kind: _Kind, values: Any) -> npt.NDArray[Any]:
    """[N] of values one by one."""
    if kind is _STRING:
        strings = np.empty(len(values), np.object_)
        strings[:] = values
        return strings
    if kind.field == "half_val":  # the bits of each value
        return np.asarray(values, np.uint16).view(kind.dtype)
    if kind.field.endswith("complex_val"):  # pairs
        parts = np.asarray(values, np.float32 if kind.field == "scomplex_val" else np.float64)
        return parts.view(kind.dtype)
    return np.asarray(values, kind.dtype)


def _zero(kind: _Kind) -> npt.NDArray[Any]:
    """[1]: what stands where no value is given."""
    return np.array([b""], np.object_) if kind is _STRING else np.zeros(1, kind.dtype)
