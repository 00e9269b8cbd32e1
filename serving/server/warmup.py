"""Requests that a version answers before it is asked by anybody, so that the first caller need not wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.server.classification import classify
from serving.server.multi_inference import multi_inference
from serving.server.predict import predict_response
from serving.server.regression import regress
from serving.server.servable import Servable
from serving.server.status import Code, ServingError

WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
MAX_RECORDS = 1000

_ANSWER = {
    "predict_log": predict_response,
    "classify_log": classify,
    "regress_log": regress,
    "multi_inference_log": multi_inference,
}


def warm_up(servable: Servable, folder: Path) -> int:
    """Answers the requests that a SavedModel brings along, if it does.

    Args:
      servable: The loaded version.
      folder: Of its SavedModel.

    Returns:
      How many there were.

    Raises:
      ServingError: The file is damaged, it holds too many requests, or one cannot be answered: the version
        must not be served then.
    """
    path = folder / WARMUP_FILE
    if not path.is_file():
        return 0
    count = 0
    for count, log in enumerate(_logs(path), start=1):
        kind = log.WhichOneof("log_type")
        if kind is None:
            continue
        if kind not in _ANSWER:
            raise ServingError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")
        _ANSWER[kind](servable, getattr(log, kind).request, None)
        if count > MAX_RECORDS:
            message = f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {path}"
            raise ServingError(Code.INVALID_ARGUMENT, message)
    if not count and path.stat().st_size:  # TensorFlow takes a few bytes for the end of a file
        raise ServingError(Code.DATA_LOSS, f"{path} holds no record: it is cut short")
    return count


def _logs(path: Path) -> Iterator[Any]:
    """The `PredictionLog` protos of a TFRecord file."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import prediction_log_pb2

    options = tf.data.Options()
    options.autotune.enabled = False  # its thread, now and then, takes ten seconds to end
    try:
        for record in tf.data.TFRecordDataset(str(path)).with_options(options).as_numpy_iterator():
            yield prediction_log_pb2.PredictionLog.FromString(record)
    except tf.errors.DataLossError as error:
        message = f"{error.message}. Please verify your warmup data is in TFRecord format."
        raise ServingError(Code.DATA_LOSS, message) from error
    except DecodeError as error:
        raise ServingError(Code.INVALID_ARGUMENT, f"Failed to parse warmup record from {path}") from error
