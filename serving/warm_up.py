"""Requests that a server answers before it shows a model, so that no user pays for a first call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from serving.example_inputs import example_inputs
from serving.saved_signatures import saved_signatures

WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"  # TensorFlow Serving's name
MAX_RECORDS = 1000  # TensorFlow Serving refuses more


def write_warm_up(folder: Path, model: str, item_ids: Sequence[str], batch_sizes: Sequence[int]) -> int:
    """Writes requests for every signature and batch size of a SavedModel into its folder.

    The largest batch comes first: what a signature needs once is then not asked for once a size.

    Args:
      folder: The SavedModel's.
      model: Its name.
      item_ids: Some ids of the corpus; one at least. No user is in the requests.
      batch_sizes: Those that servers put requests together in.

    Returns:
      How many there are.

    Raises:
      ValueError: They are more than TensorFlow Serving takes.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    signatures = saved_signatures(folder)
    count = len(signatures) * len(batch_sizes)
    if count > MAX_RECORDS:
        raise ValueError(f"{count:,} warm-up requests are more than the {MAX_RECORDS:,} that servers take")
    path = folder / WARM_UP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for size in sorted(batch_sizes, reverse=True):
            for name, signature in signatures.items():
                request = predict_pb2.PredictRequest()
                request.model_spec.name, request.model_spec.signature_name = model, name
                for input_name, values in example_inputs(signature, item_ids, size).items():
                    dtype = signature.inputs[input_name].dtype
                    request.inputs[input_name].CopyFrom(tf.make_tensor_proto(values, dtype))
                log = prediction_log_pb2.PredictionLog(
                    predict_log=prediction_log_pb2.PredictLog(request=request)
                )
                writer.write(log.SerializeToString(deterministic=True))
    return count
