"""The same question over gRPC, over REST and in process.

Requests are made beforehand, and answers are not unpacked.
"""

from __future__ import annotations

import http.client
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from serving.client.controls import Controls
from serving.client.grpc_codec import GrpcCodec
from serving.client.model import ModelTarget
from serving.client.question import RECOMMENDER, lists_for_users
from serving.client.rest_codec import RestCodec

GRPC, REST, IN_PROCESS = "gRPC", "REST", "in process"
HALF_PLUS_TWO = "half_plus_two"
SIGNATURES = {RECOMMENDER: "for_users", HALF_PLUS_TWO: "serving_default"}
_HTTP_OK = 200
_DIFFERENT = 32  # requests that a caller takes turns with

Inputs = Mapping[str, np.ndarray]


def requests(model: str, rows: int, user_ids: Sequence[str]) -> list[Inputs]:
    """Different requests for a model.

    Args:
      model: `recommender`, which is asked for ten items, or `half_plus_two`.
      rows: Of each request.
      user_ids: Who may be asked for.
    """
    if model == HALF_PLUS_TWO:
        return [{"x": np.full((rows, 1), number, np.float32)} for number in range(_DIFFERENT)]
    users = itertools.cycle(user_ids)
    now = int(time.time())
    return [
        lists_for_users(list(itertools.islice(users, rows)), now, Controls()).inputs
        for _ in range(_DIFFERENT)
    ]


class GrpcCaller:
    """Sends bytes over a channel of its own."""

    def __init__(self, port: int, path: str, bodies: Sequence[bytes]):
        # A pool of its own, or all channels of a process would share one connection.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        self._call = self._channel.unary_unary(path)
        self._bodies = itertools.cycle(bodies)

    def call(self) -> None:
        """Makes one call."""
        self._call(next(self._bodies))

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()


class RestCaller:
    """Posts bytes over a connection that stays open."""

    def __init__(self, port: int, path: str, bodies: Sequence[bytes]):
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._path = path
        self._bodies = itertools.cycle(bodies)

    def call(self) -> None:
        """Makes one call.

        Raises:
          RuntimeError: It was not answered with 200.
        """
        self._connection.request("POST", self._path, next(self._bodies))
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != _HTTP_OK:
            raise RuntimeError(answer.decode())

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


class InProcessCaller:
    """Calls a signature of a loaded SavedModel."""

    def __init__(self, signature: Any, tensors: Sequence[Mapping[str, Any]]):
        self._signature = signature
        self._tensors = itertools.cycle(tensors)

    def call(self) -> None:
        """Makes one call; on a processor it is over when the call returns."""
        self._signature(**next(self._tensors))

    def close(self) -> None:
        """Holds nothing."""


def remote_caller(kind: str, port: int, model: str, asked: Sequence[Inputs]) -> Callable[[], Any]:
    """Makes callers of a server.

    Args:
      kind: `gRPC` or `REST`.
      port: Of the server.
      model: Which is asked.
      asked: Inputs of the requests.
    """
    codec = GrpcCodec() if kind == GRPC else RestCodec()
    target = ModelTarget(model)
    calls = [codec.predict(target, SIGNATURES[model], inputs, ()) for inputs in asked]
    bodies = [call.body or b"" for call in calls]
    caller = GrpcCaller if kind == GRPC else RestCaller
    return lambda: caller(port, calls[0].path, bodies)


def in_process_caller(folder: Path, model: str, asked: Sequence[Inputs]) -> Callable[[], Any]:
    """Makes callers of a SavedModel, which is loaded once a folder.

    Args:
      folder: Of the SavedModel.
      model: Its name.
      asked: Inputs of the requests.
    """
    import tensorflow as tf

    signature = _loaded(folder).signatures[SIGNATURES[model]]
    specs = signature.structured_input_signature[1]
    tensors = [
        {name: tf.constant(value, specs[name].dtype) for name, value in inputs.items()} for inputs in asked
    ]
    return lambda: InProcessCaller(signature, tensors)


_models: dict[Path, Any] = {}


def _loaded(folder: Path) -> Any:
    import scann  # noqa: F401
    import tensorflow as tf
    import tensorflow_text  # noqa: F401

    if folder not in _models:
        _models[folder] = tf.saved_model.load(str(folder))
    return _models[folder]
