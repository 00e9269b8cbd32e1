"""Answers in JSON: laid out as TensorFlow Serving does, and readable as the arrays that they were."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow.core.framework import types_pb2

from serving.server.json_answers import error_json, predict_json
from serving.server.json_document import parse_document
from serving.server.json_numbers import decimal_texts
from serving.server.json_predict import Layout, predict_inputs
from serving.server.status import Code, ServingError
from serving.server.tensors import data_type_of

OUTPUTS = {
    "a": np.array([[0.0, 0.1]], np.float32),
    "b_bytes": np.array([b"x"], np.object_),
    "c": np.array([b'\xff"'], np.object_),
}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (3, "3.0"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (9_000_000, "9e+06"),
        (999_999, "999999.0"),
        (3e-5, "3e-05"),
        (555557.5, "555557.5"),
        (1 / 3, "0.333333343"),
        (np.nan, "NaN"),
        (np.inf, "Infinity"),
        (-np.inf, "-Infinity"),
    ],
)
def test_decimals_have_six_digits_or_all(number, text):
    assert decimal_texts(np.array([number], np.float32)) == [text]


def test_rows_are_laid_out_as_in_tensorflow_serving():
    assert predict_json({"y": OUTPUTS["a"]}, Layout.ROWS) == b'{\n    "predictions": [[0.0, 0.1]\n    ]\n}'
    assert predict_json(OUTPUTS, Layout.ROWS) == (
        b'{\n    "predictions": [\n        {\n            "a": [0.0, 0.1],\n'
        b'            "b_bytes": {\n                "b64": "eA=="\n            },\n'
        b'            "c": "\xff\\""\n        }\n    ]\n}'
    )


def test_columns_are_laid_out_as_in_tensorflow_serving():
    answer = predict_json({name: OUTPUTS[name] for name in ("a", "b_bytes")}, Layout.COLUMNS)
    document = {"outputs": {"a": [[0.0, 0.1]], "b_bytes": [{"b64": "eA=="}]}}
    assert answer.decode() == json.dumps(document, indent=4)


def test_what_json_cannot_say_is_refused():
    half = np.array([1], np.float16)
    with pytest.raises(ServingError, match="Failed to write JSON value for tensor type: half") as caught:
        predict_json({"y": half}, Layout.ROWS)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert json.loads(error_json('a "b"\n')) == {"error": 'a "b"\n'}


SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)
DTYPES = [np.float32, np.float64, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint32, np.uint64, bool]
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES)) | hnp.arrays(
    np.object_, SHAPES, elements=st.binary(max_size=5)
)


@given(ARRAYS, st.sampled_from(Layout), st.sampled_from(["y", "y_bytes"]))
@settings(max_examples=200)
def test_answers_can_be_sent_again(array, layout, alias):
    answer = parse_document(predict_json({alias: array}, layout))
    values = answer["predictions" if layout is Layout.ROWS else "outputs"]
    came, inputs = predict_inputs({layout.value: values}, {alias: data_type_of(array)})
    assert came is layout
    assert inputs[alias].dtype == array.dtype
    np.testing.assert_array_equal(inputs[alias], array)


WRONG = [None, "a", True, 1.5, -1, 2**31, 2**63, 2**64, 1e39, [], [1], {}, {"b64": "?"}]
TYPES = [value for name, value in types_pb2.DataType.items() if not name.endswith("_REF")]


@given(st.lists(st.sampled_from(WRONG), min_size=1, max_size=4), st.sampled_from(TYPES))
@settings(max_examples=300)
def test_any_values_are_a_tensor_or_refused(values, data_type):
    for document in ({"instances": values}, {"inputs": {"x": values}}):
        try:
            _, inputs = predict_inputs(document, {"x": data_type})
        except ServingError as error:
            code = error.code
        else:
            code = Code.OK if data_type_of(inputs["x"]) == data_type else None
        assert code in (Code.OK, Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED)
