"""The body of a REST Predict: its rows or columns to the arrays of a signature's inputs."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from math import prod
from typing import Any

import numpy as np

from serving.server.json_tensors import array_from_value, is_named
from serving.server.json_value import is_base64, string_bytes, value_text
from serving.server.status import Code, ServingError

_INSTANCES, _INPUTS = "instances", "inputs"
_SIGNATURE = "signature_name"


class Layout(Enum):
    """How a body holds its tensors; the answer has the same."""

    ROWS = "instances"
    COLUMNS = "inputs"


def signature_name_in(document: Mapping[str, Any]) -> str:
    """The signature that a body names, `""` if none.

    Raises:
      ServingError: It is not a string.
    """
    name = document.get(_SIGNATURE, "")
    if not isinstance(name, str):
        raise _invalid(
            f"JSON Value: {value_text(document)} not formatted correctly. "
            f"'{_SIGNATURE}' key must be a string value."
        )
    # Names of signatures are UTF-8; what is not cannot be one.
    return string_bytes(name).decode("utf-8", "replace")


def predict_inputs(
    document: Mapping[str, Any], data_types: Mapping[str, int]
) -> tuple[Layout, dict[str, np.ndarray]]:
    """Reads the tensors of a body. Unlike over gRPC, every input must be there, whatever the defaults.

    Args:
      document: Has `instances`, a list of rows, or `inputs`, all tensors whole.
      data_types: Alias of each input of the signature to its `DataType`, in order of the alias.

    Raises:
      ServingError: The body is not formatted so, or its values do not fit the signature.
    """
    if _INSTANCES in document and _INPUTS in document:
        raise _format_error(
            document,
            f"Not formatted correctly expecting only one of '{_INPUTS}' or '{_INSTANCES}' keys to exist ",
        )
    if _INSTANCES in document:
        rows = document[_INSTANCES]
        if not isinstance(rows, list):
            raise _format_error(document, f"Excepting '{_INSTANCES}' to be an list/array")
        if not rows:
            raise _format_error(document, f"No values in '{_INSTANCES}' array")
        return Layout.ROWS, _from_rows(rows, data_types)
    if _INPUTS in document:
        return Layout.COLUMNS, _from_columns(document[_INPUTS], data_types)
    raise _invalid(f"Missing '{_INPUTS}' or '{_INSTANCES}' key")


def _from_columns(columns: Any, data_types: Mapping[str, int]) -> dict[str, np.ndarray]:
    if not isinstance(columns, dict) or is_base64(columns):
        if len(data_types) > 1:
            raise _invalid(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        return {alias: array_from_value(columns, data_type) for alias, data_type in data_types.items()}
    arrays = {}
    for alias, data_type in data_types.items():
        if alias not in columns:
            raise _invalid(f"Missing named input: {alias} in 'inputs' object.")
        arrays[alias] = array_from_value(columns[alias], data_type)
    return arrays


def _from_rows(rows: list[Any], data_types: Mapping[str, int]) -> dict[str, np.ndarray]:
    if not isinstance(rows[0], dict) and len(data_types) > 1:
        raise _invalid(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    if is_named(rows[0]):
        return _from_named_rows(rows, data_types)
    first = min(data_types)
    try:
        if not any(map(is_named, rows)):
            return {first: array_from_value(rows, data_types[first])}
    except ServingError:
        pass  # what is wrong is said of a row, below
    return {first: _batch(_RowReader(data_types), rows, first)}


def _from_named_rows(rows: list[Any], data_types: Mapping[str, int]) -> dict[str, np.ndarray]:
    names = data_types.keys()
    try:
        if all(is_named(row) and row.keys() == names for row in rows):
            return {
                alias: array_from_value([row[alias] for row in rows], data_type)
                for alias, data_type in data_types.items()
            }
    except ServingError:
        pass  # what is wrong is said of a row, below
    reader = _RowReader(data_types)
    columns: dict[str, list[np.ndarray]] = {alias: [] for alias in names}
    for index, row in enumerate(rows):
        if not is_named(row):
            raise _invalid(f"Expecting object but got list at item {index} of input list")
        for alias, value in row.items():
            array = reader.read(value, alias, f"element: {index} key: {alias} of")
            columns[alias].append(array)
        if row.keys() != names:
            raise _invalid(
                f"Failed to process element: {index} of '{_INSTANCES}' list. "
                f"JSON object: {value_text(row)} keys must be equal to: {','.join(sorted(names))}"
            )
    return {alias: np.stack(arrays) for alias, arrays in columns.items()}


def _batch(reader: _RowReader, rows: list[Any], alias: str) -> np.ndarray:
    arrays = []
    for index, row in enumerate(rows):
        if is_named(row):
            raise _invalid(f"Expecting value/list but got object at item {index} of input list")
        arrays.append(reader.read(row, alias, f"element: {index} of"))
    return np.stack(arrays)


class _RowReader:
    """Reads row by row, where each must be of the shape of the first, to say which one is not."""

    def __init__(self, data_types: Mapping[str, int]):
        self._data_types = data_types
        self._shapes: dict[str, tuple[int, ...]] = {}

    def read(self, value: Any, alias: str, where: str) -> np.ndarray:
        try:
            return self._read(value, alias)
        except ServingError as error:
            # Printed as a status of TensorFlow is, with its code.
            reason = f"{error.code.name}: {error.message}"
            raise _invalid(f"Failed to process {where} '{_INSTANCES}' list. Error: {reason}") from error

    def _read(self, value: Any, alias: str) -> np.ndarray:
        if alias not in self._data_types:
            names = ",".join(sorted(self._data_types))
            raise _invalid(f"JSON object: does not have named input: {alias}, keys must be equal to: {names}")
        array = array_from_value(value, self._data_types[alias])
        shape = self._shapes.setdefault(alias, array.shape)
        if prod(shape) != array.size:
            raise _invalid(f"Expecting tensor size: {prod(shape)} but got: {array.size}")
        if shape != array.shape:
            raise _invalid(f"Expecting shape {_shape_text(shape)} but got: {_shape_text(array.shape)}")
        return array


def _shape_text(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _format_error(document: Mapping[str, Any], words: str) -> ServingError:
    return _invalid(f"JSON Value: {value_text(document)} {words}")


def _invalid(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
