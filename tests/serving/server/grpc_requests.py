"""Requests of TensorFlow Serving's gRPC interface, made with TensorFlow's own client library."""

import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

BROKEN = tensor_pb2.TensorProto(dtype=tf.float32.as_datatype_enum, tensor_content=b"abc")


def predict(model, inputs, signature="", version=None, label=None, outputs=()):
    """`model` may be `None` for a request without a `ModelSpec`."""
    request = predict_pb2.PredictRequest(output_filter=outputs)
    if model is not None:
        _fill(request.model_spec, model, signature, version, label)
    for alias, value in inputs.items():
        if isinstance(value, float | list):
            dtype = (
                tf.string if value and isinstance(value, list) and isinstance(value[0], str) else tf.float32
            )
            value = tf.make_tensor_proto(value, dtype)
        request.inputs[alias].CopyFrom(value)
    return request


def classify(model, signature, *values):
    request = classification_pb2.ClassificationRequest()
    return _with_examples(request, model, signature, values)


def regress(model, signature, *values):
    return _with_examples(regression_pb2.RegressionRequest(), model, signature, values)


def multi(*tasks, value=2.0):
    """Tasks of model, signature and method."""
    request = inference_pb2.MultiInferenceRequest()
    for model, signature, method in tasks:
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        _fill(task.model_spec, model, signature)
    request.input.example_list.examples.append(_example(value))
    return request


def status(model=None, version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    if model is not None:
        _fill(request.model_spec, model, version=version)
    return request


def metadata(model, *fields):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    _fill(request.model_spec, model)
    return request


def told(response):
    """What a response says, as plain values."""
    if isinstance(response, predict_pb2.PredictResponse):
        return tf.make_ndarray(response.outputs["y"]).tolist()
    if isinstance(response, get_model_status_pb2.GetModelStatusResponse):
        states = get_model_status_pb2.ModelVersionStatus.State
        return [
            (one.version, states.Name(one.state), one.status.error_code, one.status.error_message)
            for one in response.model_version_status
        ]
    if isinstance(response, get_model_metadata_pb2.GetModelMetadataResponse):
        signatures = get_model_metadata_pb2.SignatureDefMap()
        assert response.metadata["signature_def"].Unpack(signatures)
        return sorted(signatures.signature_def)
    if isinstance(response, inference_pb2.MultiInferenceResponse):
        return [_result(getattr(one, one.WhichOneof("result"))) for one in response.results]
    return _result(response.result)


def _result(result):
    if isinstance(result, regression_pb2.RegressionResult):
        return [one.value for one in result.regressions]
    return [(one.label, one.score) for row in result.classifications for one in row.classes]


def _with_examples(request, model, signature, values):
    _fill(request.model_spec, model, signature)
    request.input.example_list.examples.extend(map(_example, values))
    return request


def _example(value):
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Example(features=tf.train.Features(feature={"x": feature}))


def _fill(spec, model, signature="", version=None, label=None):
    spec.SetInParent()
    spec.name, spec.signature_name = model, signature
    if version is not None:
        spec.version.value = version
    if label is not None:
        spec.version_label = label
