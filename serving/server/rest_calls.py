"""Answers the calls of the REST interface, whatever carries them."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    regression_pb2,
)

from serving.server.inference import SIGNATURE_DEF, Inference
from serving.server.json_answers import classification_json, predict_json, regression_json
from serving.server.json_document import parse_document
from serving.server.json_examples import fill_examples
from serving.server.json_predict import predict_inputs, signature_name_in
from serving.server.model_spec import DEFAULT_SIGNATURE
from serving.server.predict import predict
from serving.server.rest_path import RestCall
from serving.server.status import Code, ServingError


def answer(inference: Inference, call: RestCall, body: bytes, deadline: float | None = None) -> bytes:
    """Answers a call with JSON.

    Args:
      inference: The models.
      call: What is asked.
      body: What was sent with it.
      deadline: When the answer must be there, of `time.monotonic()`; `None` for never.

    Raises:
      ServingError: It cannot be answered.
    """
    if call.method == "predict":
        return _predict(inference, call.spec, body, deadline)
    if call.method == "classify":
        request = classification_pb2.ClassificationRequest(model_spec=call.spec)
        fill_examples(parse_document(body), request)
        return classification_json(inference.classify(request, deadline).result)
    if call.method == "regress":
        request = regression_pb2.RegressionRequest(model_spec=call.spec)
        fill_examples(parse_document(body), request)
        return regression_json(inference.regress(request, deadline).result)
    if call.method == "metadata":
        return _metadata(inference, call.spec)
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=call.spec)
    return _proto_json(inference.status(request)).encode()


def _predict(inference: Inference, spec: Any, body: bytes, deadline: float | None) -> bytes:
    document = parse_document(body)
    name = signature_name_in(document) or DEFAULT_SIGNATURE
    with inference.lease(spec) as servable:
        if name not in servable.signature_defs:
            message = f'Serving signature name: "{name}" not found in signature def'
            raise ServingError(Code.INVALID_ARGUMENT, message)
        infos = servable.signature_defs[name].inputs
        if not infos:
            raise ServingError(Code.INVALID_ARGUMENT, f"Failed to get input map for signature: {name}")
        data_types = {alias: info.dtype for alias, info in sorted(infos.items())}
        layout, inputs = predict_inputs(document, data_types)
        return predict_json(predict(servable, name, inputs, (), deadline), layout)


def _metadata(inference: Inference, spec: Any) -> bytes:
    request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=[SIGNATURE_DEF])
    response = inference.metadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata[SIGNATURE_DEF].Unpack(signatures)
    # Laid out as TensorFlow Serving does, which puts two printed protos together.
    text = (
        f'{{\n"model_spec":{_proto_json(response.model_spec)},\n'
        f'"metadata": {{"{SIGNATURE_DEF}": {_proto_json(signatures)}}}\n}}\n'
    )
    return text.encode()


def _proto_json(message: Any) -> str:
    text: str = json_format.MessageToJson(
        message, including_default_value_fields=True, preserving_proto_field_name=True, indent=1
    )
    return f"{text}\n"
