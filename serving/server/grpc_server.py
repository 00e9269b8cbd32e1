"""The gRPC interface of a server, listening."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from pipeline.errors import InputError
from serving.server.grpc_services import add_services
from serving.server.inference import Inference
from serving.server.model_manager import ModelManager
from serving.server.observer import Observer
from serving.server.server_options import ServerOptions
from serving.server.tls import grpc_credentials

HEALTH_NAMES = ("", "PredictionService", "ModelService")
_INT32_MAX = 2**31 - 1


class GrpcServer:
    """gRPC by threads: a call costs one hand-over, and TensorFlow lets other threads run meanwhile.

    Args:
      options: How to run.
      inference: Answers.
      manager: Has the models.
      observe: Is told of each call.

    Raises:
      InputError: The port is taken, or TLS' files cannot be used.

    Attributes:
      port: On which it listens.
    """

    def __init__(
        self, options: ServerOptions, inference: Inference, manager: ModelManager, observe: Observer
    ):
        self._server = grpc.server(
            ThreadPoolExecutor(options.max_concurrent_calls, thread_name_prefix="grpc"),
            options=[
                ("grpc.max_receive_message_length", _INT32_MAX),
                ("grpc.max_send_message_length", _INT32_MAX),
                ("grpc.so_reuseport", 0),  # or a second server would share the port without a word
            ],
            maximum_concurrent_rpcs=options.max_calls,
        )
        add_services(self._server, inference, manager, observe)
        self._health = health.HealthServicer()
        if options.grpc_health:
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.port = self._bind(options)

    def start(self) -> None:
        """Takes calls from now on."""
        self._server.start()
        for name in HEALTH_NAMES:
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def stop(self, grace: float) -> None:
        """Takes no new calls, and waits for those that run, `grace` seconds at most."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace).wait()

    def _bind(self, options: ServerOptions) -> int:
        host = f"[{options.host}]" if ":" in options.host else options.host
        address = f"{host}:{options.grpc_port}"
        credentials = grpc_credentials(options)
        try:
            if credentials is None:
                return self._server.add_insecure_port(address)
            return self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise InputError(f"cannot listen on {address} for gRPC: is the port taken?") from error
