"""Classify: examples to labels and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import classification_pb2

from serving.server.examples import serialized_examples, shape_text
from serving.server.model_spec import answered_spec, signature_name_of
from serving.server.predict import as_array
from serving.server.servable import Servable
from serving.server.status import Code, ServingError
from serving.server.tensors import data_type_of

CLASSIFY_METHOD = "tensorflow/serving/classify"
_INPUTS, _CLASSES, _SCORES = "inputs", "classes", "scores"


def classify(servable: Servable, request: Any, deadline: float | None = None) -> Any:
    """Answers a `ClassificationRequest` with a `ClassificationResponse`.

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
    input_tensor, outputs = classification_tensors(signature)
    examples = serialized_examples(request.input)
    values = servable.run(name, {input_tensor: examples}, outputs, deadline)
    result = classification_result(
        signature, len(examples), dict(zip(outputs, map(as_array, values), strict=True))
    )
    spec = answered_spec(servable, name)
    return classification_pb2.ClassificationResponse(result=result, model_spec=spec)


def classification_tensors(signature: Any) -> tuple[str, list[str]]:
    """The tensors of a signature that classifies.

    Returns:
      The name of that of the examples, and those of the classes or scores or both.

    Raises:
      ServingError: It is no such signature.
    """
    if signature.method_name != CLASSIFY_METHOD:
        raise _invalid(
            f"Expected classification signature method_name to be {CLASSIFY_METHOD}. "
            f"Was: {signature.method_name}"
        )
    if len(signature.inputs) != 1:
        raise _invalid("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise _invalid(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if _INPUTS not in signature.inputs:
        message = f"No classification inputs found in SignatureDef: {signature}"
        raise ServingError(Code.FAILED_PRECONDITION, message)
    outputs = [signature.outputs[alias].name for alias in (_CLASSES, _SCORES) if alias in signature.outputs]
    if not outputs:
        message = (
            "Expected classification signature outputs to contain at least one of "
            f'"{_CLASSES}" or "{_SCORES}". Signature was: {signature}'
        )
        raise ServingError(Code.FAILED_PRECONDITION, message)
    return signature.inputs[_INPUTS].name, outputs


def classification_result(signature: Any, num_examples: int, values: Mapping[str, np.ndarray]) -> Any:
    """Makes a `ClassificationResult`.

    Args:
      signature: The `SignatureDef`.
      num_examples: How many there were.
      values: Name of a tensor to what the run gave for it.

    Raises:
      ServingError: The values are not `[num_examples, num_classes]` strings or floats.
    """
    classes = _checked(signature, _CLASSES, num_examples, values, types_pb2.DT_STRING)
    scores = _checked(signature, _SCORES, num_examples, values, types_pb2.DT_FLOAT)
    if classes is not None and scores is not None and classes.shape != scores.shape:
        raise _invalid(
            "Tensors class and score should match in dim_size(1). "
            f"Got {classes.shape[1]} vs. {scores.shape[1]}"
        )
    result = classification_pb2.ClassificationResult()
    for row in range(num_examples):
        added = result.classifications.add().classes
        labels = None if classes is None else classes[row].tolist()
        numbers = None if scores is None else scores[row].tolist()
        for index in range(len(labels if labels is not None else numbers or [])):
            one = added.add()
            if labels is not None:
                # A label is a string on the wire, and a string there is UTF-8.
                one.label = labels[index].decode("utf-8", "replace")
            if numbers is not None:
                one.score = numbers[index]
    return result


def _checked(
    signature: Any, alias: str, num_examples: int, values: Mapping[str, np.ndarray], data_type: int
) -> np.ndarray | None:
    if alias not in signature.outputs:
        return None
    array = values[signature.outputs[alias].name]
    if array.ndim != 2:
        raise _invalid(f"Expected Tensor shape: [batch_size num_classes] but got {shape_text(array)}")
    if data_type_of(array) != data_type:
        expected, came = map(types_pb2.DataType.Name, (data_type, data_type_of(array)))
        raise _invalid(f"Expected {alias} Tensor of {expected}. Got: {came}")
    if len(array) != num_examples:
        raise _invalid(f"Expected {alias} output batch size of {num_examples}. Got: {len(array)}")
    return array


def _invalid(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
