"""The calls of the soak: good and bad ones, of both interfaces, as bytes that are ready to be sent."""

from __future__ import annotations

import gzip
import json
import random
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

HALF = "half_plus_two"
BATCHES = (1, 1, 1, 3, 10, 32, 100)
STRANGERS = 1000  # names of models that there are not: they must not pile up anywhere
_PREDICTION, _MODEL = "PredictionService", "ModelService"


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
      name: What it is, for the table.
      target: Method of gRPC, such as `/tensorflow.serving.PredictionService/Predict`, or path of REST.
      body: What is sent; `None` for GET.
      answers: The statuses that may come: names of gRPC, or numbers of HTTP.
      is_rest: Whether it goes to REST.
      is_packed: Whether the body is gzip.
      timeout: Seconds.
    """

    name: str
    target: str
    body: bytes | None
    answers: tuple[Any, ...]
    is_rest: bool = False
    is_packed: bool = False
    timeout: float = 60.0


def calls(with_bundle: bool, seed: int = 42) -> list[Call]:
    """All calls, each kind as often as it is to come.

    Args:
      with_bundle: Whether the models of a bundle are served as well.
      seed: Of what is drawn.
    """
    draw = random.Random(seed)
    made = [*_half_over_grpc(draw), *_half_over_rest(draw), *_others(), *_bad_over_grpc(), *_bad_over_rest()]
    return made + (_bundle(draw) if with_bundle else [])


def _numbers(draw: random.Random, size: int) -> list[float]:
    return [float(draw.randrange(-1000, 1000)) for _ in range(size)]


def _grpc(
    name: str, method: str, request: Any, *answers: str, service: str = _PREDICTION, timeout: float = 60.0
) -> Call:
    body = request if isinstance(request, bytes) else request.SerializeToString()
    return Call(name, f"/tensorflow.serving.{service}/{method}", body, answers or ("OK",), timeout=timeout)


def _rest(name: str, path: str, document: Any = None, answer: int = 200, packed: bool = False) -> Call:
    body = document if isinstance(document, bytes | None) else json.dumps(document).encode()
    return Call(name, path, body, (answer,), is_rest=True, is_packed=packed)


def _predict(model: str, signature: str = "", **inputs: Any) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for alias, value in inputs.items():
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return request


def _with_examples(request: Any, signature: str, values: list[float]) -> Any:
    request.model_spec.name, request.model_spec.signature_name = HALF, signature
    request.input.example_list.examples.extend(_example(x=value) for value in values)
    return request


def _example(**features: Any) -> Any:
    example = tf.train.Example()
    for name, value in features.items():
        feature = example.features.feature[name]
        if isinstance(value, float):
            feature.float_list.value.append(value)
        else:
            texts = [value] if isinstance(value, str) else value
            feature.bytes_list.value.extend(text.encode() for text in texts)
    return example


def _half_over_grpc(draw: random.Random) -> list[Call]:
    made = []
    for size in BATCHES * 30:
        x = _numbers(draw, size)
        classify, regress = classification_pb2.ClassificationRequest(), regression_pb2.RegressionRequest()
        multi = inference_pb2.MultiInferenceRequest()
        for signature, method in (("regress_x_to_y", "regress"), ("classify_x_to_y", "classify")):
            task = multi.tasks.add(method_name=f"tensorflow/serving/{method}")
            task.model_spec.name, task.model_spec.signature_name = HALF, signature
        multi.input.example_list.examples.extend(_example(x=value) for value in x)
        made += [
            _grpc("predict", "Predict", _predict(HALF, x=x)),
            _grpc("classify", "Classify", _with_examples(classify, "classify_x_to_y", x)),
            _grpc("regress", "Regress", _with_examples(regress, "regress_x_to_y", x)),
            _grpc("multi-inference", "MultiInference", multi),
        ]
    return made


def _half_over_rest(draw: random.Random) -> list[Call]:
    made = []
    for size in BATCHES * 30:
        x = _numbers(draw, size)
        rows = [{"x": value} for value in x]
        made += [
            _rest("predict rows", f"/v1/models/{HALF}:predict", {"instances": x}),
            _rest("predict columns", f"/v1/models/{HALF}:predict", {"inputs": {"x": x}}),
            _rest(
                "classify",
                f"/v1/models/{HALF}:classify",
                {"signature_name": "classify_x_to_y", "examples": rows},
            ),
            _rest(
                "regress",
                f"/v1/models/{HALF}:regress",
                {"signature_name": "regress_x_to_y", "examples": rows},
            ),
        ]
    return made


def _others() -> list[Call]:
    """Of what is loaded, packed bodies, and callers that are in a hurry."""
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    status = get_model_status_pb2.GetModelStatusRequest()
    metadata.model_spec.name = status.model_spec.name = HALF
    packed = gzip.compress(json.dumps({"instances": [1.0] * 50}).encode())
    hurried = _predict(HALF, x=[1.0] * 100)
    return [
        _grpc("metadata", "GetModelMetadata", metadata),
        _grpc("status", "GetModelStatus", status, service=_MODEL),
        _rest("metadata", f"/v1/models/{HALF}/metadata"),
        _rest("status", f"/v1/models/{HALF}"),
        _rest("packed", f"/v1/models/{HALF}:predict", packed, packed=True),
        _grpc("hurried", "Predict", hurried, "OK", "DEADLINE_EXCEEDED", timeout=0.002),
    ] * 20


def _bad_over_grpc() -> list[Call]:
    invalid, not_found = "INVALID_ARGUMENT", "NOT_FOUND"
    good = _predict(HALF, x=[1.0]).SerializeToString()
    gone, labelled = _predict(HALF, x=[1.0]), _predict(HALF, x=[1.0])
    gone.model_spec.version.value = 10**6
    labelled.model_spec.version_label = "nobody"
    huge = _predict(HALF, x=[1.0])
    huge.inputs["x"].tensor_shape.dim[0].size = 2**40
    made = [
        _grpc("bad: bytes cut", "Predict", good[:-3], invalid),
        _grpc("bad: type", "Predict", _predict(HALF, x=["a"]), invalid),
        _grpc("bad: input missing", "Predict", _predict(HALF), invalid),
        _grpc("bad: input extra", "Predict", _predict(HALF, x=[1.0], y=[1.0]), invalid),
        _grpc("bad: shape", "Predict", huge, invalid),
        _grpc("bad: signature", "Predict", _predict(HALF, "nobody", x=[1.0]), "FAILED_PRECONDITION"),
        _grpc("bad: version", "Predict", gone, not_found),
        _grpc("bad: label", "Predict", labelled, invalid),
    ]
    made *= 10
    strangers = [_predict(f"stranger_{i}", x=[1.0]) for i in range(STRANGERS)]
    return made + [_grpc("bad: model", "Predict", request, not_found) for request in strangers[::10]]


def _bad_over_rest() -> list[Call]:
    bomb = gzip.compress(b"[" * (101 * 2**20))
    predict = f"/v1/models/{HALF}:predict"
    made = [
        _rest("bad: bytes cut", predict, b'{"instances": [1, 2', 400),
        _rest("bad: type", predict, {"instances": ["a"]}, 400),
        _rest("bad: ragged", predict, {"instances": [[1], [1, 2]]}, 400),
        _rest("bad: keys", predict, {"instances": [{"z": 1}]}, 400),
        _rest("bad: signature", predict, {"signature_name": "no", "instances": [1]}, 400),
        _rest("bad: deep", predict, b'{"instances": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400),
        _rest("bad: path", f"/v1/models/{HALF}/version/1:predict", {"instances": [1]}, 400),
        _rest("bad: version", f"/v1/models/{HALF}/versions/1000000:predict", {"instances": [1]}, 404),
    ]
    made *= 10
    made += [
        _rest("bad: model", f"/v1/models/stranger_{i}:predict", {"instances": [1]}, 404)
        for i in range(0, STRANGERS, 10)
    ]
    return [*made, _rest("bad: gzip bomb", predict, bomb, 400, packed=True)]


def _bundle(draw: random.Random) -> list[Call]:
    """Serialized examples for the three models of a bundle, of people and items known and unknown."""
    made = []
    for size in BATCHES[:-1] * 10:
        examples = [
            _example(
                user_id=f"u{draw.randrange(100)}",
                item_id=f"i{draw.randrange(100)}",
                history_item_ids=[f"i{draw.randrange(100)}" for _ in range(draw.randrange(10))],
            ).SerializeToString()
            for _ in range(size)
        ]
        encoded = [{"b64": b64encode(example).decode()} for example in examples]
        for model in ("retrieval", "ranking", "recommender"):
            made += [
                _grpc(model, "Predict", _predict(model, examples=examples)),
                _rest(model, f"/v1/models/{model}:predict", {"inputs": {"examples": encoded}}),
                _grpc("bad: no example", "Predict", _predict(model, examples=["x"]), "INVALID_ARGUMENT"),
            ]
    return made
