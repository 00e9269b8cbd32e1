"""Calls of TensorFlow Serving's REST API."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import grpc
import numpy as np
import numpy.typing as npt

from serving.client.call import Arrays, Call, Outputs
from serving.client.model import (
    ModelMetadata,
    ModelTarget,
    SignatureSpec,
    TensorSpec,
    VersionStatus,
)
from serving.client.tensors import as_array

_ONLY_OUTPUT = "outputs"
# A server puts strings into its answer as they are, also those that are no UTF-8.
_NO_TEXT = "surrogateescape"


class RestCodec:
    """JSON, with inputs and outputs in columns.

    JSON tells whole numbers from others and no more: they come back as int64 and float64. An output that is
    the signature's only one has no name in it: it gets the one name in `outputs`, or else `outputs`. Nor does
    an answer say which version it is of: that is known where a version was asked for.
    """

    def predict(
        self,
        target: ModelTarget,
        signature: str,
        inputs: Mapping[str, npt.ArrayLike],
        outputs: Sequence[str],
    ) -> Call[Outputs]:
        """POST to `:predict`."""
        columns = {name: _to_json(as_array(values)) for name, values in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns}, ensure_ascii=False)

        def read(answer: bytes) -> Outputs:
            return Outputs(_read_outputs(answer, outputs), target.version)

        return Call(f"{_path(target)}:predict", body.encode(), read)

    def status(self, target: ModelTarget) -> Call[tuple[VersionStatus, ...]]:
        """GET of the model."""
        return Call(_path(target), None, _read_status)

    def metadata(self, target: ModelTarget) -> Call[ModelMetadata]:
        """GET of the model's `/metadata`."""
        return Call(f"{_path(target)}/metadata", None, _read_metadata)


def _path(target: ModelTarget) -> str:
    """Where a model is."""
    path = f"/v1/models/{quote(target.name, safe='')}"
    if target.version is not None:
        return f"{path}/versions/{target.version}"
    return path if target.label is None else f"{path}/labels/{quote(target.label, safe='')}"


def _to_json(array: npt.NDArray[Any]) -> Any:
    """Nested lists; strings that are no text go as base64."""
    if array.dtype.kind == "c":
        raise TypeError("complex numbers cannot be sent as JSON")
    return _strings_to_json(array.tolist()) if array.dtype == np.object_ else array.tolist()


def _strings_to_json(value: Any) -> Any:
    """Text in place of bytes objects."""
    if isinstance(value, list):
        return [_strings_to_json(item) for item in value]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _read_outputs(body: bytes, names: Sequence[str]) -> Arrays:
    """Outputs by name: of those that came, the ones that were asked for."""
    outputs = _read_json(body)["outputs"]
    if not isinstance(outputs, dict) or set(outputs) == {"b64"}:
        outputs = {names[0] if len(names) == 1 else _ONLY_OUTPUT: outputs}
    missing = set(names) - set(outputs)
    if missing:
        raise ValueError(f"the answer lacks {', '.join(sorted(missing))}")
    return {name: _from_json(value) for name, value in outputs.items() if not names or name in names}


def _from_json(value: Any) -> npt.NDArray[Any]:
    """An array of nested lists."""
    return as_array(_decode(value))


def _decode(value: Any) -> Any:
    """Bytes in place of text and base64."""
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if isinstance(value, str):
        return value.encode(errors=_NO_TEXT)
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _read_json(body: bytes) -> dict[str, Any]:
    """An object.

    Raises:
      ValueError: It is none.
    """
    answer = json.loads(body.decode(errors=_NO_TEXT))
    if not isinstance(answer, dict):
        raise ValueError("the answer is no JSON object")
    return answer


def _read_status(body: bytes) -> tuple[VersionStatus, ...]:
    """States of versions."""
    return tuple(
        VersionStatus(
            version=int(status["version"]),
            state=status["state"],
            code=grpc.StatusCode[status["status"]["error_code"]],
            message=status["status"]["error_message"],
        )
        for status in _read_json(body)["model_version_status"]
    )


def _read_metadata(body: bytes) -> ModelMetadata:
    """Signatures."""
    answer = _read_json(body)
    spec, signatures = answer["model_spec"], answer["metadata"]["signature_def"]["signature_def"]
    specs = {
        name: SignatureSpec(
            inputs={key: _tensor_spec(info) for key, info in signature["inputs"].items()},
            outputs={key: _tensor_spec(info) for key, info in signature["outputs"].items()},
            method_name=signature["method_name"],
        )
        for name, signature in signatures.items()
    }
    return ModelMetadata(spec["name"], int(spec["version"]), specs)


def _tensor_spec(info: Mapping[str, Any]) -> TensorSpec:
    """Of an input or output."""
    shape = info["tensor_shape"]
    sizes = tuple(None if int(dim["size"]) < 0 else int(dim["size"]) for dim in shape["dim"])
    return TensorSpec(dtype=info["dtype"], shape=None if shape["unknown_rank"] else sizes)
