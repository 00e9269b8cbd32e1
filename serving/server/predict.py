"""Predict: named arrays through a signature of a servable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from tensorflow_serving.apis import predict_pb2

from serving.server.model_spec import DEFAULT_SIGNATURE, answered_spec, signature_name_of
from serving.server.servable import Servable
from serving.server.status import Code, ServingError
from serving.server.tensors import array_from_proto, data_type_name, data_type_of, write_proto

_METHODS = [f"tensorflow/serving/{method}" for method in ("predict", "classify", "regress")]


class PredictSignature:
    """A signature as Predict needs it.

    Attributes:
      inputs: Alias to the name of its tensor and its `DataType`, in order of the alias.
      outputs: Alias to the name of its tensor, in order of the alias.
      defaults: Alias to the value of an input that is not sent.
    """

    def __init__(self, definition: Any):
        if definition.method_name not in _METHODS:
            message = (
                f"Expected prediction signature method_name to be one of {{{', '.join(_METHODS)}}}. "
                f"Was: {definition.method_name}"
            )
            raise ServingError(Code.INTERNAL, message)
        self.inputs = {alias: (info.name, info.dtype) for alias, info in sorted(definition.inputs.items())}
        self.outputs = {alias: info.name for alias, info in sorted(definition.outputs.items())}
        self.defaults = {
            alias: array_from_proto(proto) for alias, proto in sorted(definition.defaults.items())
        }


_prepared: WeakKeyDictionary[Servable, dict[str, PredictSignature]] = WeakKeyDictionary()


def predict_signature(servable: Servable, signature_name: str) -> PredictSignature:
    """Finds a signature.

    Args:
      servable: A version of a model.
      signature_name: Its name; `""` means `serving_default`.

    Raises:
      ServingError: There is none (`FAILED_PRECONDITION`).
    """
    name = signature_name or DEFAULT_SIGNATURE
    signatures = _prepared.setdefault(servable, {})
    if name not in signatures:
        if name not in servable.signature_defs:
            raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        signatures[name] = PredictSignature(servable.signature_defs[name])
    return signatures[name]


def predict(
    servable: Servable,
    signature_name: str,
    inputs: Mapping[str, np.ndarray],
    output_filter: Sequence[str] = (),
    deadline: float | None = None,
) -> dict[str, np.ndarray]:
    """Runs a signature.

    Args:
      servable: A version of a model.
      signature_name: Which signature; `""` means `serving_default`.
      inputs: Alias to array. An input that is missing has its default, if the signature has one for it.
      output_filter: Aliases of the outputs that are wanted; none means all.
      deadline: When the answer must be there, of `time.monotonic()`; `None` for never.

    Returns:
      Alias to array, of the outputs that were wanted.

    Raises:
      ServingError: The signature is unknown, what is asked does not fit it, or the run failed.
    """
    signature = predict_signature(servable, signature_name)
    feeds = _feeds(signature, inputs)
    outputs = _wanted(signature, output_filter)
    fetches = list(dict.fromkeys(outputs.values()))
    values = servable.run(signature_name or DEFAULT_SIGNATURE, feeds, fetches, deadline)
    by_tensor = {name: as_array(value) for name, value in zip(fetches, values, strict=True)}
    return {alias: by_tensor[name] for alias, name in outputs.items()}


def predict_response(servable: Servable, request: Any, deadline: float | None = None) -> Any:
    """As :func:`predict`, from `PredictRequest` to `PredictResponse`.

    Raises:
      ServingError: As there, or a tensor cannot be read.
    """
    inputs = {}
    for alias, proto in request.inputs.items():
        try:
            inputs[alias] = array_from_proto(proto)
        except ValueError as error:
            raise ServingError(Code.INVALID_ARGUMENT, f"tensor parsing error: {alias}") from error
    name = signature_name_of(request.model_spec)
    outputs = predict(servable, name, inputs, request.output_filter, deadline)
    response = predict_pb2.PredictResponse(model_spec=answered_spec(servable, name))
    for alias, array in outputs.items():
        write_proto(array, response.outputs[alias])
    return response


def as_array(value: Any) -> np.ndarray:
    """What a session gives for a tensor: bare `bytes` for a scalar string, otherwise an array."""
    return np.array(value, np.object_) if isinstance(value, bytes) else np.asarray(value)


def _feeds(signature: PredictSignature, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    few, many = len(inputs) < len(signature.inputs), len(inputs) > len(signature.inputs)
    if many or (few and not signature.defaults):
        raise _size_error(signature, inputs)
    feeds = {}
    for index, (alias, (tensor, data_type)) in enumerate(signature.inputs.items()):
        value = inputs.get(alias)
        if value is None:
            value = signature.defaults.get(alias)
        if value is None:
            raise _missing_error(signature, inputs, alias)
        if data_type_of(value) != data_type:
            raise _type_error(index, data_type, data_type_of(value))
        feeds[tensor] = value
    used = [alias for alias in inputs if alias in signature.inputs]
    if len(used) != len(inputs):
        message = (
            f"Inputs contains invalid name. Used request inputs: {_joined(used)}, "
            f"request input: {_joined(inputs)}"
        )
        raise ServingError(Code.INVALID_ARGUMENT, message)
    return feeds


def _wanted(signature: PredictSignature, output_filter: Sequence[str]) -> dict[str, str]:
    if not output_filter:
        return signature.outputs
    wanted: dict[str, str] = {}
    for alias in output_filter:
        if alias not in signature.outputs:
            message = (
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {{{_joined(signature.outputs)}}}."
            )
            raise ServingError(Code.INVALID_ARGUMENT, message)
        if alias in wanted:
            raise ServingError(Code.INVALID_ARGUMENT, f"duplicate output tensor alias: {alias}")
        wanted[alias] = signature.outputs[alias]
    return wanted


def _joined(aliases: Any) -> str:
    return ",".join(sorted(aliases))


def _size_error(signature: PredictSignature, inputs: Mapping[str, Any]) -> ServingError:
    sent, expected = set(inputs), set(signature.inputs)
    message = (
        f"input size does not match signature: {len(sent)}!={len(expected)} "
        f"len({{{_joined(sent)}}}) != len({{{_joined(expected)}}}). "
        f"Sent extra: {{{_joined(sent - expected)}}}. "
        f"Missing but required: {{{_joined(expected - sent)}}}."
    )
    return ServingError(Code.INVALID_ARGUMENT, message)


def _missing_error(signature: PredictSignature, inputs: Mapping[str, Any], alias: str) -> ServingError:
    message = (
        f"Signature input alias: {alias}(feed name: {signature.inputs[alias][0]}) not found in request "
        f"and no default value provided. Inputs expected to be in the request {{{_joined(inputs)}}}, "
        f"or default input alias set: {_joined(signature.defaults)}"
    )
    return ServingError(Code.INVALID_ARGUMENT, message)


def _type_error(index: int, expected: int, came: int) -> ServingError:
    message = f"Expects arg[{index}] to be {data_type_name(expected)} but {data_type_name(came)} is provided"
    return ServingError(Code.INVALID_ARGUMENT, message)
