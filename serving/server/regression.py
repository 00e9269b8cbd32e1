"""Regress: examples to one number each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import regression_pb2

from serving.server.examples import serialized_examples, shape_text
from serving.server.model_spec import answered_spec, signature_name_of
from serving.server.predict import as_array
from serving.server.servable import Servable
from serving.server.status import Code, ServingError
from serving.server.tensors import data_type_of

REGRESS_METHOD = "tensorflow/serving/regress"
_INPUTS, _OUTPUTS = "inputs", "outputs"


def regress(servable: Servable, request: Any, deadline: float | None = None) -> Any:
    """Answers a `RegressionRequest` with a `RegressionResponse`.

    Args:
      servable: A version of a model.
      request: Its `model_spec` tells the signature.
      deadline: When the answer must be there, of `time.monotonic()`; `None` for never.

    Raises:
      ServingError: The signature is unknown or of another method, there is no example, or the run failed.
    """
    name = signature_name_of(request.model_spec)
    if name not in servable.signature_defs:
        raise _invalid(f"No signature was found with the name: {name}")
    signature = servable.signature_defs[name]
    input_tensor, outputs = regression_tensors(signature)
    examples = serialized_examples(request.input)
    values = servable.run(name, {input_tensor: examples}, outputs, deadline)
    result = regression_result(
        signature, len(examples), dict(zip(outputs, map(as_array, values), strict=True))
    )
    return regression_pb2.RegressionResponse(result=result, model_spec=answered_spec(servable, name))


def regression_tensors(signature: Any) -> tuple[str, list[str]]:
    """The tensors of a signature that regresses.

    Returns:
      The name of that of the examples, and that of the numbers.

    Raises:
      ServingError: It is no such signature.
    """
    if signature.method_name != REGRESS_METHOD:
        raise _invalid(
            f"Expected regression signature method_name to be {REGRESS_METHOD}. Was: {signature.method_name}"
        )
    if len(signature.inputs) != 1:
        raise _invalid("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise _invalid("Expected one output Tensor.")
    for kind, alias in (("inputs", _INPUTS), ("outputs", _OUTPUTS)):
        infos = getattr(signature, kind)
        if alias not in infos:
            message = f"No regression {kind} found in SignatureDef: {signature}"
            raise ServingError(Code.FAILED_PRECONDITION, message)
    return signature.inputs[_INPUTS].name, [signature.outputs[_OUTPUTS].name]


def regression_result(signature: Any, num_examples: int, values: Mapping[str, np.ndarray]) -> Any:
    """Makes a `RegressionResult`.

    Args:
      signature: The `SignatureDef`.
      num_examples: How many there were.
      values: Name of a tensor to what the run gave for it.

    Raises:
      ServingError: The values are not `[num_examples]` or `[num_examples, 1]` floats.
    """
    array = values[signature.outputs[_OUTPUTS].name]
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        raise _invalid(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] "
            f"but got {shape_text(array)}"
        )
    if len(array) != num_examples:
        raise _invalid(f"Input batch size did not match output batch size: {num_examples} vs. {len(array)}")
    if data_type_of(array) != types_pb2.DT_FLOAT:
        came = types_pb2.DataType.Name(data_type_of(array))
        raise _invalid(f"Expected output Tensor of DT_FLOAT.  Got: {came}")
    result = regression_pb2.RegressionResult()
    for number in array.ravel().tolist():
        result.regressions.add().value = number
    return result


def _invalid(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
