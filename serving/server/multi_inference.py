"""MultiInference: several signatures of one model over the same examples, in one run of the graph."""

from __future__ import annotations

from typing import Any

from tensorflow_serving.apis import inference_pb2

from serving.server.classification import CLASSIFY_METHOD, classification_result, classification_tensors
from serving.server.examples import serialized_examples
from serving.server.model_spec import answered_spec, signature_name_of
from serving.server.predict import as_array
from serving.server.regression import REGRESS_METHOD, regression_result, regression_tensors
from serving.server.servable import Servable
from serving.server.status import Code, ServingError

_TENSORS = {CLASSIFY_METHOD: classification_tensors, REGRESS_METHOD: regression_tensors}


def multi_inference(servable: Servable, request: Any, deadline: float | None = None) -> Any:
    """Answers a `MultiInferenceRequest` with a `MultiInferenceResponse`.

    Args:
      servable: A version of the model of the first task.
      request: Its tasks classify or regress.
      deadline: When the answer must be there, of `time.monotonic()`; `None` for never.

    Raises:
      ServingError: The tasks are of two models, of one signature or of two inputs; a signature is unknown or
        of another method; there is no example; or the run failed.
    """
    inputs, outputs = _tensors(servable, request.tasks)
    examples = serialized_examples(request.input)
    names = "+".join(signature_name_of(task.model_spec) for task in request.tasks)
    values = servable.run(names, dict.fromkeys(inputs, examples), outputs, deadline)
    by_tensor = dict(zip(outputs, map(as_array, values), strict=True))
    response = inference_pb2.MultiInferenceResponse()
    for task in request.tasks:
        name = signature_name_of(task.model_spec)
        signature = servable.signature_defs[name]
        added = response.results.add(model_spec=answered_spec(servable, name))
        if task.method_name == CLASSIFY_METHOD:
            result = classification_result(signature, len(examples), by_tensor)
            added.classification_result.CopyFrom(result)
        else:
            result = regression_result(signature, len(examples), by_tensor)
            added.regression_result.CopyFrom(result)
    return response


def _tensors(servable: Servable, tasks: Any) -> tuple[list[str], list[str]]:
    """Names of the tensor that all tasks read and of those that they give."""
    inputs: list[str] = []
    outputs: dict[str, None] = {}
    seen: set[str] = set()
    for task in tasks:
        if not task.model_spec.name:
            raise _invalid("Found ModelSpec with an empty model name.")
        if task.model_spec.name != tasks[0].model_spec.name:
            raise _invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        name = signature_name_of(task.model_spec)
        if name in seen:
            raise _invalid(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        if name not in servable.signature_defs:
            raise _invalid(f"Requested signature not found in model graph: {name}")
        if task.method_name not in _TENSORS:
            message = f"Unsupported signature method_name: {task.method_name}"
            raise ServingError(Code.UNIMPLEMENTED, message)
        input_tensor, output_tensors = _TENSORS[task.method_name](servable.signature_defs[name])
        if inputs and inputs != [input_tensor]:
            raise _invalid("Input tensor must be the same for all Signatures.")
        inputs = [input_tensor]
        outputs.update(dict.fromkeys(output_tensors))
    return inputs, list(outputs)


def _invalid(message: str) -> ServingError:
    return ServingError(Code.INVALID_ARGUMENT, message)
