"""The body of a REST Classify or Regress: its examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow.core.example import example_pb2, feature_pb2

from serving.server.json_numbers import is_lossless
from serving.server.json_predict import signature_name_in
from serving.server.json_value import decoded_base64, is_base64, string_bytes, type_name, value_text
from serving.server.status import Code, ServingError

_CONTEXT, _EXAMPLES = "context", "examples"
_KIND_NAMES = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}
_FLOAT32 = np.dtype(np.float32)


def fill_examples(document: Mapping[str, Any], request: Any) -> None:
    """Fills the signature and the examples of a request from a body.

    Args:
      document: Has `examples`, a list of objects of features, and may have `context`, one such object.
      request: A `ClassificationRequest` or `RegressionRequest`.

    Raises:
      ServingError: The body is not formatted so.
    """
    request.model_spec.signature_name = signature_name_in(document)
    examples = request.input.example_list
    if _CONTEXT in document:
        examples = request.input.example_list_with_context
        examples.context.CopyFrom(_example(document[_CONTEXT]))
    if _EXAMPLES not in document:
        words = f"When method is classify, key '{_EXAMPLES}' is expected and was not found"
        raise _invalid(f"JSON Value: {value_text(document)} {words}")
    rows = document[_EXAMPLES]
    if not isinstance(rows, list):
        words = f"Expecting '{_EXAMPLES}' value to be an list/array"
        raise _invalid(f"JSON Value: {value_text(document)} {words}")
    if not rows:
        raise _invalid(f"JSON Value: {value_text(document)} '{_EXAMPLES}' value is an empty array")
    examples.examples.extend(map(_example, rows))


def _example(value: Any) -> Any:
    if not isinstance(value, dict):
        raise _invalid(f"Example must be JSON object but got JSON {type_name(value)}")
    example = example_pb2.Example()
    for name, content in value.items():
        # A name is a string on the wire, and a string there is UTF-8.
        key = string_bytes(name).decode("utf-8", "replace")
        example.features.feature[key].CopyFrom(_feature(name, content))
    return example


def _feature(name: str, content: Any) -> Any:
    feature = feature_pb2.Feature()
    for value in content if isinstance(content, list) else [content]:
        kind, entry = _entry(name, value)
        came = feature.WhichOneof("kind")
        if came is not None and came != kind:
            raise _invalid(f"Unexpected element type in feature: {name} expecting type: {_KIND_NAMES[came]}")
        getattr(feature, kind).value.append(entry)
    return feature


def _entry(name: str, value: Any) -> tuple[str, Any]:
    """The list of a feature that a value goes to, and the value there."""
    if isinstance(value, bool):
        return "int64_list", int(value)
    if isinstance(value, str):
        return "bytes_list", string_bytes(value)
    if is_base64(value):
        return "bytes_list", decoded_base64(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return "int64_list", value
    if isinstance(value, int) and 0 <= value < 2**64:
        raise _invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
    if isinstance(value, int | float):
        if not is_lossless(value, _FLOAT32):
            text = value_text(value)
            raise _invalid(f"Cannot convert JSON value: {text} to float without loss of precision.")
        return "float_list", float(value)
    raise _invalid(f"Feature: {name} has element with unexpected JSON type: {type_name(value)}")


def _invalid(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
