"""Tensors of the client are TensorFlow's on the wire."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving.client.messages import Tensor
from serving.client.tensors import as_array, dtype_name, to_array, to_tensor

NUMBERS = [
    tf.float32,
    tf.float64,
    tf.int32,
    tf.uint8,
    tf.int16,
    tf.int8,
    tf.complex64,
    tf.int64,
    tf.bool,
    tf.uint16,
    tf.complex128,
    tf.float16,
    tf.uint32,
    tf.uint64,
]
STRINGS = np.array([[b"a", "ä".encode()], [b"", b"\xff\x00"]], np.object_)


def _values(dtype):
    values = np.array([[0, 1, 2], [3, 120, 1]])
    return (values * (1 + 0.5j) if dtype.is_complex else values).astype(dtype.as_numpy_dtype)


def _as_fields(array, dtype):
    """A tensor that has its values one by one, as TensorFlow Serving answers."""
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    proto.tensor_shape.CopyFrom(tf.TensorShape(array.shape).as_proto())
    flat = array.ravel()
    if dtype in (tf.float16, tf.bfloat16):
        proto.half_val.extend(flat.view(np.uint16).tolist())
    elif dtype.is_complex:
        parts = flat.view(np.float32 if dtype == tf.complex64 else np.float64).tolist()
        (proto.scomplex_val if dtype == tf.complex64 else proto.dcomplex_val).extend(parts)
    else:
        field = {"float32": "float", "float64": "double"}.get(dtype.name, dtype.name)
        small = {"int32", "uint8", "int16", "int8", "uint16"}
        getattr(proto, ("int" if field in small else field) + "_val").extend(flat.tolist())
    return proto


@pytest.mark.parametrize("dtype", NUMBERS, ids=lambda dtype: dtype.name)
def test_numbers_travel_both_ways(dtype):
    array = _values(dtype)
    sent = tensor_pb2.TensorProto.FromString(to_tensor(array).SerializeToString())
    assert sent.dtype == dtype.as_datatype_enum
    assert (
        dtype_name(sent.dtype)
        == tensor_pb2.TensorProto.DESCRIPTOR.fields_by_name["dtype"]
        .enum_type.values_by_number[sent.dtype]
        .name
    )
    np.testing.assert_array_equal(tf.make_ndarray(sent), array, strict=True)
    for proto in (tf.make_tensor_proto(array), _as_fields(array, dtype)):
        received = to_array(Tensor.FromString(proto.SerializeToString()))
        np.testing.assert_array_equal(received, array, strict=True)


def test_strings_travel_both_ways():
    sent = tensor_pb2.TensorProto.FromString(to_tensor(STRINGS).SerializeToString())
    np.testing.assert_array_equal(tf.make_ndarray(sent), STRINGS, strict=True)
    received = to_array(Tensor.FromString(tf.make_tensor_proto(STRINGS).SerializeToString()))
    np.testing.assert_array_equal(received, STRINGS, strict=True)


def test_bfloat16_is_read_as_float32():
    array = tf.constant([1.5, -2.0, 3e38], tf.bfloat16).numpy()
    for proto in (tf.make_tensor_proto(array), _as_fields(array, tf.bfloat16)):
        received = to_array(Tensor.FromString(proto.SerializeToString()))
        np.testing.assert_array_equal(received, array.astype(np.float32), strict=True)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (1, 1, 1)])
def test_shapes_stay(shape):
    for array in (np.full(shape, 7, np.int64), np.full(shape, b"x", np.object_)):
        received = to_array(to_tensor(array))
        np.testing.assert_array_equal(received, array, strict=True)


def test_the_last_value_fills_up_and_none_is_zero():
    proto = tf.make_tensor_proto(4.0, shape=(2, 3))
    assert len(proto.float_val) == 1
    assert to_array(Tensor.FromString(proto.SerializeToString())).tolist() == [[4.0] * 3] * 2
    proto = tensor_pb2.TensorProto(dtype=7)
    proto.tensor_shape.dim.add(size=2)
    assert to_array(Tensor.FromString(proto.SerializeToString())).tolist() == [b"", b""]


def test_strings_keep_null_characters_at_their_end():
    assert as_array([b"a\x00", b"b"]).tolist() == [b"a\x00", b"b"]
    assert as_array([["a\x00"], ["ä"]]).tolist() == [[b"a\x00"], ["ä".encode()]]


def test_strings_of_both_kinds_and_numbers_in_any_byte_order():
    assert as_array(["a", b"\xff"]).tolist() == [b"a", b"\xff"]
    assert as_array(np.array([["a", "b"]])).tolist() == [[b"a", b"b"]]
    assert as_array(np.array([], "U1")).dtype == np.object_
    assert to_array(to_tensor(np.array([1.5, 2], ">f4"))).tolist() == [1.5, 2.0]


def test_what_no_tensor_holds_is_refused():
    with pytest.raises(TypeError, match="datetime64.* cannot be sent"):
        to_tensor(np.array(["2020-01-01"], "datetime64[D]"))
    with pytest.raises(TypeError, match="holds strings, not dict"):
        to_tensor([{}])
    with pytest.raises(TypeError, match="holds strings, not int"):
        to_tensor(["a", 1])
    for ragged in ([[1], [1, 2]], [["a"], ["a", "b"]]):
        with pytest.raises(ValueError, match="inhomogeneous"):
            to_tensor(ragged)


def test_a_tensor_that_contradicts_itself_is_refused():
    tensor = to_tensor(np.arange(4))
    tensor.tensor_shape.dim[0].size = 3
    with pytest.raises(ValueError, match=r"shape \[3\] holds 4 values"):
        to_array(tensor)
    with pytest.raises(ValueError, match="type 20 cannot be read"):
        to_array(Tensor(dtype=20))
