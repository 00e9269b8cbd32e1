"""Recommendations over gRPC with nothing of ours: `pip install tensorflow-serving-api==2.16.1`.

    python examples/recommend_with_stubs.py [USER_ID [K [ADDRESS]]]

Inputs that are left out have their defaults.
"""

import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc


def main(user_id: str = "196", k: str = "10", address: str = "127.0.0.1:8500") -> None:
    """Prints a list."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "recommender"
    request.model_spec.signature_name = "for_users"
    request.inputs["user_id"].CopyFrom(tf.make_tensor_proto([user_id]))
    request.inputs["k"].CopyFrom(tf.make_tensor_proto([int(k)], tf.int32))
    with grpc.insecure_channel(address) as channel:
        outputs = (
            prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=10).outputs
        )
    names = ("rank", "item_ids", "titles")
    for rank, item_id, title in zip(*(tf.make_ndarray(outputs[name])[0] for name in names), strict=True):
        if rank > 0:
            print(rank, item_id.decode(), title.decode(), sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])
