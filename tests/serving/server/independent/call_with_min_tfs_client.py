"""Calls of min-tfs-client; run by its own interpreter with host and port, prints what came as JSON."""

import json
import sys

import numpy as np
from min_tfs_client.requests import TensorServingClient
from min_tfs_client.tensors import tensor_proto_to_ndarray


def main(host, port):
    """Floats, and a text; the client has no signatures, statuses or metadata."""
    client = TensorServingClient(host=host, port=int(port))
    floats = client.predict_request("half_plus_two", {"x": np.array([[2], [5]], np.float32)}, timeout=30)
    older = client.predict_request(
        "half_plus_two", {"x": np.array([[2]], np.float32)}, timeout=30, model_version=1
    )
    strings = client.predict_request("text", {"x": np.array(["a", "\u00e4"])}, timeout=30)
    answers = {
        "floats": tensor_proto_to_ndarray(floats.outputs["y"]).tolist(),
        "version": floats.model_spec.version.value,
        "older": tensor_proto_to_ndarray(older.outputs["y"]).tolist(),
        # Its own function takes ASCII only.
        "strings": [value.decode() for value in strings.outputs["y"].string_val],
    }
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
