"""Calls of generated stubs, those of tensorflow-serving-api and of tensorflow-serving-client-grpc alike.

Run by an interpreter that has them, with host and port; prints what came as JSON.
"""

import json
import sys

import grpc
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

SECONDS = 30


def tensor(dtype, field, values, *shape):
    """A tensor with its values one by one."""
    dims = [tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in shape]
    proto = tensor_pb2.TensorProto(dtype=dtype, tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=dims))
    getattr(proto, field).extend(values)
    return proto


def predictions(stub):
    """Predict of floats and strings."""
    floats = predict_pb2.PredictRequest()
    floats.model_spec.name = "half_plus_two"
    floats.inputs["x"].CopyFrom(tensor(types_pb2.DT_FLOAT, "float_val", [2, 5], 2, 1))
    answer = stub.Predict(floats, SECONDS)
    floats.model_spec.version.value = 1
    older = stub.Predict(floats, SECONDS)
    strings = predict_pb2.PredictRequest(output_filter=["y"])
    strings.model_spec.name = "text"
    strings.inputs["x"].CopyFrom(tensor(types_pb2.DT_STRING, "string_val", [b"a", b"\xc3\xa4"], 2))
    texts = stub.Predict(strings, SECONDS)
    return {
        "floats": list(answer.outputs["y"].float_val),
        "version": answer.model_spec.version.value,
        "older": list(older.outputs["y"].float_val),
        "strings": [value.decode() for value in texts.outputs["y"].string_val],
    }


def examples(stub):
    """Classify, Regress and MultiInference of an Example each."""
    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.name, classify.model_spec.signature_name = "half_plus_two", "classify_x_to_y"
    regress = regression_pb2.RegressionRequest()
    regress.model_spec.name, regress.model_spec.signature_name = "half_plus_two", "regress_x_to_y"
    for request in (classify, regress):
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(80)
    both = inference_pb2.MultiInferenceRequest(input=regress.input)
    both.tasks.add(model_spec=classify.model_spec, method_name="tensorflow/serving/classify")
    both.tasks.add(model_spec=regress.model_spec, method_name="tensorflow/serving/regress")
    results = stub.MultiInference(both, SECONDS).results
    return {
        "classes": [c.score for c in stub.Classify(classify, SECONDS).result.classifications[0].classes],
        "regressions": [r.value for r in stub.Regress(regress, SECONDS).result.regressions],
        "both": [
            results[0].classification_result.classifications[0].classes[0].score,
            results[1].regression_result.regressions[0].value,
        ],
    }


def about(stub, models):
    """GetModelMetadata and GetModelStatus, and the error of a model that is not there."""
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    metadata.model_spec.name = "half_plus_two"
    signatures = get_model_metadata_pb2.SignatureDefMap()
    stub.GetModelMetadata(metadata, SECONDS).metadata["signature_def"].Unpack(signatures)
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "half_plus_two"
    states = models.GetModelStatus(status, SECONDS).model_version_status
    status.model_spec.name = "nothing"
    try:
        models.GetModelStatus(status, SECONDS)
        error = None
    except grpc.RpcError as caught:
        error = caught.code().name
    return {
        "signatures": sorted(signatures.signature_def),
        "states": [[state.version, state.state] for state in states],
        "error": error,
    }


def main(host, port):
    """All calls."""
    with grpc.insecure_channel(f"{host}:{port}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        json.dump({**predictions(stub), **examples(stub), **about(stub, models)}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
