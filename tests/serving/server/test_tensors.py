"""Tensors on the wire: both ways, against TensorFlow's own reading and writing."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.server.tensors import (
    array_from_proto,
    data_type_name,
    data_type_of,
    numpy_dtype,
    proto_from_array,
)

NUMBERS = [
    types_pb2.DataType.Value(f"DT_{name}")
    for name in (
        *("FLOAT", "DOUBLE", "HALF", "BFLOAT16", "COMPLEX64", "COMPLEX128", "BOOL"),
        *("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"),
    )
]
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


@st.composite
def _arrays(draw):
    """Arrays of every type and of any bits."""
    dtype = numpy_dtype(draw(st.sampled_from(NUMBERS)))
    shape = draw(SHAPES)
    size = int(np.prod(shape)) * dtype.itemsize
    content = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), np.uint8)
    if dtype == np.bool_:
        content = content & 1
    return content.view(dtype).reshape(shape)


def _is_same(left, right):
    """Whether arrays are the same; all that is not a number is alike, whatever its bits."""
    numbers = left.dtype == right.dtype and left.shape == right.shape
    return numbers and np.array_equal(left, right, equal_nan=True)


@given(_arrays())
@settings(max_examples=200)
def test_numbers_go_there_and_back(array):
    proto = proto_from_array(array)
    assert not proto.tensor_content  # one entry a value, which all clients read
    assert _is_same(array_from_proto(proto), array)
    proto = tensor_pb2.TensorProto.FromString(proto.SerializeToString())
    assert _is_same(tf.make_ndarray(proto), array)


@given(_arrays())
@settings(max_examples=100)
def test_bytes_are_read_as_tensorflow_writes_them(array):
    assert _is_same(array_from_proto(tf.make_tensor_proto(array)), array)


@given(hnp.arrays(np.object_, SHAPES, elements=st.binary(max_size=5)))
@settings(max_examples=100)
def test_strings_go_there_and_back(array):
    proto = proto_from_array(array)
    assert array_from_proto(proto).tolist() == array.tolist()
    assert tf.make_ndarray(proto).tolist() == array.tolist()
    lengths = b"".join(bytes([len(value)]) for value in array.ravel())
    packed = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_shape=proto.tensor_shape)
    packed.tensor_content = lengths + b"".join(array.ravel())
    assert array_from_proto(packed).tolist() == array.tolist()


def _proto(dtype, shape, **fields):
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DataType.Value(f"DT_{dtype}"), **fields)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (_proto("FLOAT", [3], float_val=[1.0, 2.0]), [1.0, 2.0, 2.0]),
        (_proto("FLOAT", [2], float_val=[1.0, 2.0, 3.0]), [1.0, 2.0]),
        (_proto("STRING", [2]), [b"", b""]),
        (_proto("BOOL", [2], bool_val=[True]), [True, True]),
        (_proto("HALF", [2], half_val=[0x3C00]), [1.0, 1.0]),
        (_proto("INT8", [1], int_val=[300]), [44]),
        (_proto("BOOL", [2], tensor_content=b"\x02\x00"), [True, False]),
        (_proto("INT64", [0, 3]), []),
    ],
)
def test_a_short_field_stands_for_the_rest(proto, expected):
    assert array_from_proto(proto).tolist() == expected


@pytest.mark.parametrize(
    "proto",
    [
        _proto("FLOAT", [2], tensor_content=b"abc"),
        _proto("FLOAT", [-1], float_val=[1.0]),
        _proto("FLOAT", [2**40], float_val=[1.0]),
        _proto("FLOAT", [2**62, 2**62, 2**62]),
        _proto("FLOAT", [1] * 33, float_val=[1.0]),
        _proto("STRING", [2], tensor_content=b"\x05\x01a"),
        _proto("STRING", [1], tensor_content=b"\xff\xff\xff\xff\xff\xff"),
        _proto("STRING", [2**40], tensor_content=b"\x01a"),
        _proto("INVALID", [1]),
        _proto("RESOURCE", [1]),
        tensor_pb2.TensorProto(dtype=99),
    ],
    ids=range(11),
)
def test_what_is_no_tensor_is_refused_and_takes_no_memory(proto):
    with pytest.raises(ValueError, match=r"shape|type|bytes|lengths"):
        array_from_proto(proto)


@given(st.binary(max_size=60))
@settings(max_examples=300)
def test_any_bytes_are_a_tensor_or_refused(content):
    proto = tensor_pb2.TensorProto()
    try:
        proto.MergeFromString(content)
        array_from_proto(proto)
    except (ValueError, tf.errors.OpError):
        pass
    except Exception as error:
        assert type(error).__name__ == "DecodeError"  # noqa: PT017  # of protobuf, before it is ours


def test_names_of_types_are_those_of_messages():
    names = ["float", "double", "int32", "half", "bfloat16", "string"]
    values = [types_pb2.DataType.Value(f"DT_{name.upper()}") for name in names]
    assert list(map(data_type_name, values)) == names
    assert data_type_name(types_pb2.DT_FLOAT_REF) == "float_ref"
    assert data_type_name(99) == "unknown dtype enum (99)"
    assert numpy_dtype(99) is None
    assert data_type_of(np.array(["text"])) == types_pb2.DT_INVALID
    with pytest.raises(ValueError, match="no tensor can be of NumPy's type <U4"):
        proto_from_array(np.array(["text"]))
