"""The table of TensorFlow Serving's contract: what its clients send, and what they get."""

from dataclasses import dataclass
from typing import Any

import grpc

from tests.serving.server import grpc_requests as ask

HPT = "half_plus_two"
HALF = "/v1/models/half_plus_two"
ECHO = "/v1/models/echo"
MAX = 2**64 - 1
INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


@dataclass(frozen=True)
class Rest:
    """A row of the table: what is sent to where, and the JSON (or a part of the error) that comes."""

    row: int
    path: str
    body: Any  # a document, or the text of one; `None` is for GET
    answer: Any
    status: int = 200


@dataclass(frozen=True)
class Grpc:
    """Likewise over gRPC: what is called with what, and what comes (or the status and a part of its text)."""

    row: int
    method: str
    request: Any
    answer: Any
    status: Any = None


def _bad(row, path, body, text, status=400):
    return Rest(row, path, body, text, status)


def _rows(row, values, text, signature="serving_default"):
    return _bad(row, f"{ECHO}:predict", {"signature_name": signature, "instances": values}, text)


STATUS = {
    "model_version_status": [
        {"version": "123", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]
}
REST = [
    Rest(1, f"{HALF}:predict", {"instances": [2, 3, 4]}, {"predictions": [3.0, 3.5, 4.0]}),
    Rest(1, f"{HALF}/versions/123:predict", {"instances": [2]}, {"predictions": [3.0]}),
    Rest(1, f"{HALF}/labels/stable:predict", {"instances": [2]}, {"predictions": [3.0]}),
    Rest(1, "/V1/Models/half%5Fplus%5Ftwo:Predict", {"instances": [2]}, {"predictions": [3.0]}),
    Rest(2, f"{HALF}:predict", {"inputs": [2, 3, 4]}, {"outputs": [3.0, 3.5, 4.0]}),
    Rest(2, f"{HALF}:predict", {"inputs": {"x": [2]}}, {"outputs": [3.0]}),
    Rest(3, f"{HALF}:predict", {"instances": [[1, 2], [3, 4]]}, {"predictions": [[2.5, 3.0], [3.5, 4.0]]}),
    Rest(3, f"{HALF}:predict", {"instances": [{"x": 2}, {"x": 3}]}, {"predictions": [3.0, 3.5]}),
    Rest(
        4,
        f"{HALF}:classify",
        {"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}]},
        {"results": [[["", 3.0]]]},
    ),
    Rest(
        5,
        f"{HALF}:regress",
        {"signature_name": "regress_x_to_y", "context": {"x": 80.0}, "examples": [{"x2": 1.0}, {"x": [2.0]}]},
        {"results": [42.0, 3.0]},
    ),
    Rest(6, HALF, None, STATUS),
    Rest(6, f"{HALF}/versions/123", None, STATUS),
    Rest(6, f"{HALF}/labels/stable", None, STATUS),
    _bad(7, "/v1/models", None, "Missing model name"),
    _bad(7, "/v1/models/metadata/metadata/metadata", None, "Malformed request: GET /v1/models/metadata"),
    _bad(8, "/v1/foo", None, "Malformed request: GET /v1/foo"),
    _bad(8, "/v1/foo", "", "Malformed request: POST /v1/foo"),
    _bad(8, "/v1/models", "", "Malformed request"),
    _bad(8, f"{HALF}:predict", None, "Malformed request"),
    _bad(8, f"{HALF}:predict?x=1", {"instances": [1]}, "Malformed request"),
    _bad(8, f"{HALF}/metadata", {}, "Malformed request"),
    _bad(8, f"{HALF}/version/50:predict", {"instances": [1]}, "Malformed request"),
    _bad(8, f"{HALF}/versions/HELLO:regress", {}, "Malformed request"),
    _bad(8, f"{HALF}/versions/123/labels/stable:predict", {"instances": [1]}, "Malformed request"),
    _bad(9, f"{HALF}/versions/{MAX}:regress", "", f"Failed to convert version: {MAX} to numeric."),
    _bad(9, f"{HALF}/versions/{MAX}", None, "Failed to convert version"),
    _bad(10, "/v1/models/no:predict", {"instances": [1]}, "Servable not found for request: Latest(no)", 404),
    _bad(10, f"{HALF}/versions/9:predict", {"instances": [1]}, "Servable not found for request", 404),
    _bad(10, "/v1/models/no", None, "Could not find any versions of model no", 404),
    _bad(10, "/v1/models/no/metadata", None, "Servable not found for request", 404),
    _bad(11, f"{HALF}/labels/no:predict", {"instances": [1]}, "Unrecognized servable version label"),
    _bad(12, f"{HALF}:predict", "", "JSON Parse error: The document is empty"),
    _bad(12, f"{HALF}:classify", "instances = [1]", "JSON Parse error: Invalid value. at offset: 0"),
    _bad(12, f"{HALF}:predict", "[1, 2]", "Is not object"),
    _bad(13, f"{HALF}:predict", {"instances": ["a"]}, "not of expected type: float"),
    _bad(13, f"{HALF}:predict", {"inputs": [[1, None]]}, "Type: Null is not of expected type: float"),
    _bad(13, f"{HALF}:predict", {"inputs": [16777217]}, "without loss of precision"),
    _bad(14, f"{HALF}:predict", {"signature_name": 100, "instances": [1]}, "must be a string value"),
    _bad(14, f"{HALF}:regress", {"signature_name": [], "examples": []}, "must be a string value"),
    _bad(15, f"{HALF}:predict", {"signature_name": "no", "instances": [1]}, "not found in signature def"),
    _bad(15, f"{HALF}:regress", {"examples": [{"x": 1.0}]}, "Was: tensorflow/serving/predict"),
    _bad(16, f"{HALF}:predict", {"inputs": [1], "instances": [1]}, "Not formatted correctly"),
    _bad(16, f"{HALF}:predict", {"signature_name": "serving_default"}, "Missing 'inputs' or 'instances' key"),
    _bad(17, f"{HALF}:predict", {"instances": []}, "No values in 'instances' array"),
    _rows(18, [[1, 2], [3]], "Expecting tensor size: 2 but got: 1"),
    _rows(18, [1, [1]], "Expecting shape [] but got: [1]"),
    _rows(18, [[[1, 2], [3]]], "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
    _rows(18, [{"x": 1}, [1]], "Expecting object but got list at item 1"),
    _rows(18, [[1], {"x": 1}], "Expecting value/list but got object at item 1"),
    _rows(19, [1, 2], "instances is a plain list", "several"),
    _rows(19, [{"a": 1}], "keys must be equal to: a,b", "several"),
    _rows(19, [{"a": 1, "b": "x", "c": 1}], "keys must be equal to: a,b", "several"),
    _bad(19, f"{ECHO}:predict", {"signature_name": "several", "inputs": [1]}, "inputs is a plain value/list"),
    _bad(
        19,
        f"{ECHO}:predict",
        {"signature_name": "several", "inputs": {"a": 1}},
        "Missing named input: b in 'inputs' object.",
    ),
    _bad(
        19,
        f"{ECHO}:predict",
        {"signature_name": "defaults", "inputs": {"x": [1]}},
        "Missing named input: scale in 'inputs' object.",
    ),
    Rest(
        20,
        f"{ECHO}:predict",
        {"signature_name": "text", "instances": [{"b64": "aGVsbG8="}, "tf"]},
        {
            "predictions": [
                {"x": "hello", "x_bytes": {"b64": "aGVsbG8="}},
                {"x": "tf", "x_bytes": {"b64": "dGY="}},
            ]
        },
    ),
    _rows(20, [{"b64": "a?"}], "Unable to base64 decode", "type_string"),
    Rest(
        21,
        f"{HALF}:predict",
        '{"instances": [NaN, Infinity, -Infinity, Inf]}',
        '{\n    "predictions": [NaN, Infinity, -Infinity, Infinity\n    ]\n}',
    ),
    _rows(22, [1, 2], "no shape information", "scalar"),
    _rows(22, [1, 2], "inconsistent batch size", "uneven"),
    Rest(22, f"{ECHO}:predict", {"signature_name": "scalar", "inputs": [1, 2]}, {"outputs": 3.0}),
    Rest(22, f"{ECHO}:predict", {"signature_name": "empty", "instances": [1]}, {"predictions": []}),
    *(
        _bad(23, f"{HALF}:{method}", {"examples": [{"x": value}]}, text)
        for method in ("classify", "regress")
        for value, text in [
            (None, "x has element with unexpected JSON type: Null"),
            ([[1.0]], "x has element with unexpected JSON type: Array"),
            ([{"y": 1.0}], "x has element with unexpected JSON type: Object"),
            ([1, 1.0], "feature: x expecting type: int64"),
            ([1.0, "1"], "feature: x expecting type: float"),
            ([MAX], "x has uint64 element. Only int64 is supported"),
            ([1e39], "without loss of precision"),
        ]
    ),
    _bad(23, f"{HALF}:classify", {"examples": [1]}, "Example must be JSON object but got JSON Number"),
    _bad(23, f"{HALF}:classify", {"examples": []}, "'examples' value is an empty array"),
    _bad(23, f"{HALF}:classify", {}, "key 'examples' is expected and was not found"),
]
GRPC = [
    Grpc(1, "Predict", ask.predict(HPT, {"x": [2.0, 3.0, 4.0]}), [3.0, 3.5, 4.0]),
    Grpc(1, "Predict", ask.predict(HPT, {"x": [2.0]}, version=123), [3.0]),
    Grpc(1, "Predict", ask.predict(HPT, {"x": [2.0]}, label="stable"), [3.0]),
    Grpc(2, "Predict", ask.predict("echo", {"x": [3.0]}, signature="defaults"), [6.0]),
    Grpc(2, "Predict", ask.predict("echo", {"x": [3.0], "scale": 3.0}, signature="defaults"), [9.0]),
    Grpc(4, "Classify", ask.classify(HPT, "classify_x_to_y", 2.0), [("", 3.0)]),
    Grpc(5, "Regress", ask.regress(HPT, "regress_x_to_y", 80.0), [42.0]),
    Grpc(6, "GetModelStatus", ask.status(HPT), [(123, "AVAILABLE", 0, "")]),
    Grpc(6, "GetModelStatus", ask.status(HPT, version=123), [(123, "AVAILABLE", 0, "")]),
    Grpc(7, "GetModelStatus", ask.status(), "Missing ModelSpec", INVALID),
    Grpc(
        10,
        "Predict",
        ask.predict("no", {"x": [1.0]}),
        "Servable not found for request: Latest(no)",
        NOT_FOUND,
    ),
    Grpc(10, "Predict", ask.predict(HPT, {"x": [1.0]}, version=9), "Servable not found", NOT_FOUND),
    Grpc(10, "GetModelStatus", ask.status(HPT, version=9), "Could not find version 9", NOT_FOUND),
    Grpc(
        11,
        "Predict",
        ask.predict(HPT, {"x": [1.0]}, label="no"),
        "Unrecognized servable version label",
        INVALID,
    ),
    Grpc(
        15,
        "Predict",
        ask.predict(HPT, {"x": [1.0]}, signature="no"),
        'Serving signature key "no" not found.',
        grpc.StatusCode.FAILED_PRECONDITION,
    ),
    Grpc(15, "Classify", ask.classify(HPT, "no", 1.0), "No signature was found", INVALID),
    Grpc(15, "Regress", ask.regress(HPT, "classify_x_to_y", 1.0), "Was: tensorflow", INVALID),
    Grpc(23, "Classify", ask.classify(HPT, "classify_x_to_y"), "Input is empty", INVALID),
    Grpc(24, "Predict", ask.predict("", {"x": [1.0]}), "ModelSpec has no name specified", INVALID),
    Grpc(24, "Predict", ask.predict(None, {"x": [1.0]}), "Missing ModelSpec", INVALID),
    Grpc(
        24,
        "Predict",
        ask.predict(HPT, {}),
        "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. "
        "Missing but required: {x}.",
        INVALID,
    ),
    Grpc(24, "Predict", ask.predict(HPT, {"x": [1.0], "z": 1.0}), "Sent extra: {z}", INVALID),
    Grpc(
        24,
        "Predict",
        ask.predict("echo", {"scale": 1.0}, signature="defaults"),
        "input alias: x(feed name: in_float32:0) not found",
        INVALID,
    ),
    Grpc(
        24,
        "Predict",
        ask.predict("echo", {"x": [1.0], "z": 1.0}, signature="defaults"),
        "Inputs contains invalid name. Used request inputs: x, request input: x,z",
        INVALID,
    ),
    Grpc(
        24,
        "Predict",
        ask.predict(HPT, {"x": [1.0]}, outputs=["z"]),
        "output tensor alias not found in signature: z Outputs expected to be in the set {y}.",
        INVALID,
    ),
    Grpc(
        24,
        "Predict",
        ask.predict(HPT, {"x": [1.0]}, outputs=["y", "y"]),
        "duplicate output tensor alias: y",
        INVALID,
    ),
    Grpc(24, "Predict", ask.predict(HPT, {"x": ["a"]}), "to be float but string is provided", INVALID),
    Grpc(24, "Predict", ask.predict(HPT, {"x": ask.BROKEN}), "tensor parsing error: x", INVALID),
    Grpc(25, "GetModelMetadata", ask.metadata(HPT), "must specify at least one", INVALID),
    Grpc(25, "GetModelMetadata", ask.metadata(HPT, "no"), "Metadata field no is not", INVALID),
    Grpc(
        25,
        "GetModelMetadata",
        ask.metadata(HPT, "signature_def"),
        ["classify_x_to_y", "regress_x2_to_y3", "regress_x_to_y", "regress_x_to_y2", "serving_default"],
    ),
    Grpc(
        26,
        "MultiInference",
        ask.multi((HPT, "regress_x_to_y", "regress"), (HPT, "classify_x_to_y", "classify")),
        [[3.0], [("", 3.0)]],
    ),
    Grpc(26, "MultiInference", ask.multi(), "ModelSpec has no name specified", INVALID),
    Grpc(
        26,
        "MultiInference",
        ask.multi((HPT, "no", "regress")),
        "Requested signature not found in model graph: no",
        INVALID,
    ),
    Grpc(
        26,
        "MultiInference",
        ask.multi((HPT, "regress_x_to_y", "regress"), ("echo", "regress_x_to_y", "regress")),
        "must access the same model name",
        INVALID,
    ),
    Grpc(
        26,
        "MultiInference",
        ask.multi(*[(HPT, "regress_x_to_y", "regress")] * 2),
        "Duplicate evaluation of signature: regress_x_to_y",
        INVALID,
    ),
    Grpc(
        26,
        "MultiInference",
        ask.multi((HPT, "regress_x_to_y", "regress"), (HPT, "regress_x2_to_y3", "regress")),
        "Input tensor must be the same for all Signatures.",
        INVALID,
    ),
    Grpc(
        26,
        "MultiInference",
        ask.multi((HPT, "serving_default", "predict")),
        "Unsupported signature method_name: tensorflow/serving/predict",
        grpc.StatusCode.UNIMPLEMENTED,
    ),
]
