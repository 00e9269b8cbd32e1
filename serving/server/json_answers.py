"""Answers as JSON, laid out line by line as TensorFlow Serving writes them."""

from __future__ import annotations

from collections.abc import Mapping
from json.encoder import encode_basestring
from math import prod
from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2

from serving.server.json_numbers import decimal_texts
from serving.server.json_predict import Layout
from serving.server.json_value import encoded_base64, string_bytes
from serving.server.status import Code, ServingError
from serving.server.tensors import data_type_name, data_type_of

_INDENT = "    "
_BYTES_SUFFIX = "_bytes"
_FLOATS = (types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE)
_INTEGERS = tuple(
    types_pb2.DataType.Value(f"DT_{name}")
    for name in ("INT32", "INT16", "INT8", "UINT8", "INT64", "UINT32", "UINT64")
)


def predict_json(outputs: Mapping[str, np.ndarray], layout: Layout) -> bytes:
    """Writes the answer of a Predict; the name of a single output is left out.

    Args:
      outputs: Alias to array. Strings of an output whose name ends with `_bytes` are written as
        `{"b64": ...}`.
      layout: That of the request.

    Raises:
      ServingError: JSON has nothing for a type, or rows were asked for and the outputs have none.
    """
    if not outputs:
        raise _invalid("Cannot convert empty tensor map to JSON")
    return _rows(outputs) if layout is Layout.ROWS else _columns(outputs)


def classification_json(result: Any) -> bytes:
    """Writes a `ClassificationResult`: for each example, its pairs of label and score.

    Raises:
      ServingError: It is empty.
    """
    if not result.classifications:
        raise _invalid("Cannot convert empty ClassificationResults to JSON")
    rows = []
    for classifications in result.classifications:
        scores = decimal_texts(np.array([one.score for one in classifications.classes], np.float32))
        labels = [encode_basestring(one.label) for one in classifications.classes]
        pairs = [f"[{label}, {score}]" for label, score in zip(labels, scores, strict=True)]
        rows.append(f"[{', '.join(pairs)}]")
    return _document("results", f"[{', '.join(rows)}\n{_INDENT}]")


def regression_json(result: Any) -> bytes:
    """Writes a `RegressionResult`: one number an example.

    Raises:
      ServingError: It is empty.
    """
    if not result.regressions:
        raise _invalid("Cannot convert empty RegressionResults to JSON")
    values = decimal_texts(np.array([one.value for one in result.regressions], np.float32))
    return _document("results", f"[{', '.join(values)}]")


def error_json(message: str) -> bytes:
    """Writes an error; what it quotes of a body that is not UTF-8 is replaced, or nobody could read it."""
    text = string_bytes(message).decode("utf-8", "replace")
    return _document("error", encode_basestring(text))


def _rows(outputs: Mapping[str, np.ndarray]) -> bytes:
    size = None
    for alias, array in outputs.items():
        if array.ndim == 0:
            raise _invalid(f"Tensor name: {alias} has no shape information ")
        if size is not None and len(array) != size:
            raise _invalid(
                f"Tensor name: {alias} has inconsistent batch size: {len(array)} expecting: {size}"
            )
        size = len(array)
    if not size:
        return _document("predictions", "[]")
    if len(outputs) == 1:
        rows = next(_entries(alias, array, 2, 1, single_line=True) for alias, array in outputs.items())
        return _document("predictions", f"[{', '.join(rows)}\n{_INDENT}]")
    names = [encode_basestring(alias) for alias in outputs]
    columns = [_entries(alias, array, 3, 1, single_line=True) for alias, array in outputs.items()]
    objects = []
    for entries in zip(*columns, strict=True):
        members = [f"\n{_INDENT * 3}{name}: {entry}" for name, entry in zip(names, entries, strict=True)]
        objects.append(f"\n{_INDENT * 2}{{{','.join(members)}\n{_INDENT * 2}}}")
    return _document("predictions", f"[{','.join(objects)}\n{_INDENT}]")


def _columns(outputs: Mapping[str, np.ndarray]) -> bytes:
    if len(outputs) == 1:
        values = [_entries(alias, array, 1, 0, single_line=False) for alias, array in outputs.items()]
        return _document("outputs", values[0][0])
    members = [
        f"\n{_INDENT * 2}{encode_basestring(alias)}: {_entries(alias, array, 2, 0, single_line=False)[0]}"
        for alias, array in outputs.items()
    ]
    return _document("outputs", f"{{{','.join(members)}\n{_INDENT}}}")


def _document(key: str, text: str) -> bytes:
    return f'{{\n{_INDENT}"{key}": {text}\n}}'.encode("utf-8", "surrogateescape")


def _entries(alias: str, array: np.ndarray, level: int, axis: int, single_line: bool) -> list[str]:
    """Writes an array.

    Args:
      alias: Its name.
      array: Of any shape.
      level: How deep the entries stand in the document.
      axis: The first axis that becomes lists: 0 for the whole array, 1 for its rows.
      single_line: Whether a list is on one line or has a line for each entry.

    Returns:
      The text of the array, or of each row.
    """
    axes = range(axis, array.ndim)
    texts = _values(alias, array.ravel(), level + len(axes))
    for index in reversed(axes):
        size, depth = array.shape[index], level + index - axis
        if size == 0:
            texts = ["[]"] * prod(array.shape[:index])
            continue
        first, between, last = "[", ", ", "]"
        if not single_line:
            line = f"\n{_INDENT * (depth + 1)}"
            first, between, last = f"[{line}", f",{line}", f"\n{_INDENT * depth}]"
        texts = [
            f"{first}{between.join(texts[start : start + size])}{last}"
            for start in range(0, len(texts), size)
        ]
    return texts


def _values(alias: str, flat: np.ndarray, level: int) -> list[str]:
    data_type = data_type_of(flat)
    if data_type in _FLOATS:
        return decimal_texts(flat)
    if data_type in _INTEGERS:
        return list(map(str, flat.tolist()))
    if data_type == types_pb2.DT_BOOL:
        return ["true" if value else "false" for value in flat.tolist()]
    if data_type != types_pb2.DT_STRING:
        if not flat.size:
            return []
        raise _invalid(f"Failed to write JSON value for tensor type: {data_type_name(data_type)}")
    if not alias.endswith(_BYTES_SUFFIX):
        return [encode_basestring(value.decode("utf-8", "surrogateescape")) for value in flat.tolist()]
    before, after = f'{{\n{_INDENT * (level + 1)}"b64": "', f'"\n{_INDENT * level}}}'
    return [f"{before}{encoded_base64(value)}{after}" for value in flat.tolist()]


def _invalid(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
