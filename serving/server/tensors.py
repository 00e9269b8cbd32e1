"""Tensors on the wire, `TensorProto`, and NumPy's arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from ml_dtypes import bfloat16
from tensorflow.core.framework import tensor_pb2, types_pb2

# Of a tensor that has fewer values than its shape: a few bytes could otherwise ask for any memory.
_MAX_FILLED_BYTES = 2**28
_MAX_RANK = 32  # NumPy's
_LENGTH_DELIMITED = 2  # the wire type of packed numbers


@dataclass(frozen=True)
class _Kind:
    """How values of a type are kept.

    Attributes:
      data_type: The number of `DataType`.
      dtype: NumPy's.
      field: The field of `TensorProto` with one entry a value.
      stored: NumPy's type of the entries.
    """

    data_type: int
    dtype: np.dtype[Any]
    field: str
    stored: np.dtype[Any]


def _kind(name: str, dtype: Any, field: str, stored: Any = None) -> _Kind:
    data_type = types_pb2.DataType.Value(f"DT_{name}")
    return _Kind(data_type, np.dtype(dtype), field, np.dtype(dtype if stored is None else stored))


_KINDS = [
    _kind("FLOAT", np.float32, "float_val"),
    _kind("DOUBLE", np.float64, "double_val"),
    _kind("INT64", np.int64, "int64_val"),
    _kind("INT32", np.int32, "int_val"),
    _kind("STRING", np.object_, "string_val"),
    _kind("BOOL", np.bool_, "bool_val"),
    _kind("UINT8", np.uint8, "int_val", np.int32),
    _kind("INT8", np.int8, "int_val", np.int32),
    _kind("UINT16", np.uint16, "int_val", np.int32),
    _kind("INT16", np.int16, "int_val", np.int32),
    _kind("UINT32", np.uint32, "uint32_val"),
    _kind("UINT64", np.uint64, "uint64_val"),
    _kind("HALF", np.float16, "half_val", np.uint16),
    _kind("BFLOAT16", bfloat16, "half_val", np.uint16),
    _kind("COMPLEX64", np.complex64, "scomplex_val", np.float32),
    _kind("COMPLEX128", np.complex128, "dcomplex_val", np.float64),
]
_BY_DATA_TYPE = {kind.data_type: kind for kind in _KINDS}
_BY_DTYPE = {kind.dtype: kind for kind in _KINDS}


def data_type_name(data_type: int) -> str:
    """TensorFlow's name of a type as it stands in messages, such as `float`, `int32` and `string`."""
    if data_type not in types_pb2.DataType.values():
        return f"unknown dtype enum ({data_type})"
    name: str = types_pb2.DataType.Name(data_type)
    return f"{name[3:-4].lower()}_ref" if name.endswith("_REF") else name[3:].lower()


def numpy_dtype(data_type: int) -> np.dtype[Any] | None:
    """NumPy's type for the number of a `DataType`; objects (`bytes`) for strings, `None` if it has none."""
    kind = _BY_DATA_TYPE.get(data_type)
    return kind.dtype if kind else None


def data_type_of(array: np.ndarray) -> int:
    """The number of the `DataType` of an array; `DT_INVALID` if TensorFlow has none."""
    kind = _BY_DTYPE.get(array.dtype)
    return kind.data_type if kind else types_pb2.DT_INVALID


def array_from_proto(proto: tensor_pb2.TensorProto) -> np.ndarray:
    """Reads a tensor, as TensorFlow does: from its bytes if it has any, otherwise from the field of its type.

    Where the field is shorter than the shape the last value stands for the rest, and an empty one means
    zeros.

    Returns:
      The array; it may not be writable.

    Raises:
      ValueError: There is no such tensor, or no type of NumPy for it.
    """
    kind = _BY_DATA_TYPE.get(proto.dtype)
    if kind is None:
        raise ValueError(f"no tensor can be of type {data_type_name(proto.dtype)}")
    shape = _shape(proto.tensor_shape)
    size = math.prod(shape)
    if proto.tensor_content:
        return _from_content(proto.tensor_content, kind, size).reshape(shape)
    values = _field_values(proto, kind)
    if len(values) < size:
        values = _filled(values, kind, size)
    return values[:size].reshape(shape)


def proto_from_array(array: np.ndarray) -> tensor_pb2.TensorProto:
    """Writes a tensor with one entry a value in the field of its type, as TensorFlow Serving answers.

    Raises:
      ValueError: TensorFlow has no such type.
    """
    proto = tensor_pb2.TensorProto()
    write_proto(array, proto)
    return proto


def write_proto(array: np.ndarray, proto: tensor_pb2.TensorProto) -> None:
    """As :func:`proto_from_array`, into an empty proto that is there already.

    Raises:
      ValueError: TensorFlow has no such type.
    """
    kind = _BY_DTYPE.get(array.dtype)
    if kind is None:
        raise ValueError(f"no tensor can be of NumPy's type {array.dtype}")
    proto.dtype = kind.data_type
    dims = proto.tensor_shape.dim
    for size in array.shape:
        dims.add().size = size
    flat = array.ravel()
    if kind.dtype.kind in "fc" and kind.stored.kind == "f":
        _merge_packed(proto, kind.field, flat.astype(kind.dtype.newbyteorder("<"), copy=False).tobytes())
        return
    if kind.stored == np.uint16:
        flat = flat.view(np.uint16)
    getattr(proto, kind.field).extend(flat.tolist())


def _shape(proto: Any) -> tuple[int, ...]:
    shape = tuple(dim.size for dim in proto.dim)
    if proto.unknown_rank or len(shape) > _MAX_RANK or any(size < 0 for size in shape):
        raise ValueError("the shape is not that of a tensor")
    return shape


def _from_content(content: bytes, kind: _Kind, size: int) -> np.ndarray:
    if kind.dtype == np.object_:
        return _strings_from_content(content, size)
    if len(content) != size * kind.dtype.itemsize:
        raise ValueError(f"the shape has {size} values, the bytes are {len(content)}")
    if kind.dtype == np.bool_:
        return np.frombuffer(content, np.uint8) != 0
    return np.frombuffer(content, kind.dtype)


def _strings_from_content(content: bytes, size: int) -> np.ndarray:
    """The lengths of all strings as varints, and then the strings."""
    if size > len(content):
        raise ValueError(f"the shape has {size} strings, the bytes are {len(content)}")
    position, lengths = 0, []
    for _ in range(size):
        length = shift = 0
        while True:
            if position >= len(content) or shift > 28:
                raise ValueError("the bytes end within a length")
            byte = content[position]
            position += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        lengths.append(length)
    if position + sum(lengths) != len(content):
        raise ValueError("the lengths do not fit the bytes")
    values = np.empty(size, np.object_)
    for index, length in enumerate(lengths):
        values[index] = content[position : position + length]
        position += length
    return values


def _field_values(proto: Any, kind: _Kind) -> np.ndarray:
    # A slice of a repeated field is a list, and faster to read than the field itself.
    entries = getattr(proto, kind.field)[:]
    if kind.stored == np.uint16:
        return (np.array(entries, np.int64) & 0xFFFF).astype(np.uint16).view(kind.dtype)
    values = np.array(entries, kind.stored)
    if kind.dtype.kind == "c":
        return values[: len(values) // 2 * 2].view(kind.dtype)
    return values if kind.stored == kind.dtype else values.astype(kind.dtype)


def _filled(values: np.ndarray, kind: _Kind, size: int) -> np.ndarray:
    """Repeats the last value up to a size."""
    if size * kind.dtype.itemsize > max(_MAX_FILLED_BYTES, values.nbytes):
        raise ValueError(f"the shape has {size} values, the tensor has {len(values)}")
    last: Any = values[-1] if len(values) else (b"" if kind.dtype == np.object_ else 0)
    filled = np.full(size, last, kind.dtype)
    filled[: len(values)] = values
    return filled


def _merge_packed(proto: Any, field: str, content: bytes) -> None:
    """Fills a field of floats from their bytes, in no time: these are the bytes on the wire as well."""
    tag = proto.DESCRIPTOR.fields_by_name[field].number << 3 | _LENGTH_DELIMITED
    proto.MergeFromString(bytes([tag]) + _varint(len(content)) + content)


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number >= 0x80:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)
