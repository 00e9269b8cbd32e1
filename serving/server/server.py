"""A server: models, gRPC and REST, from start to graceful stop."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from starlette.applications import Starlette

from serving.server.batch_scheduler import BatchScheduler
from serving.server.grpc_server import GrpcServer
from serving.server.inference import Inference
from serving.server.json_logs import AccessLog
from serving.server.metrics import ServerMetrics
from serving.server.model_choice import metrics_path, model_choice
from serving.server.model_manager import ModelManager
from serving.server.rest_app import rest_app
from serving.server.rest_server import RestServer
from serving.server.servable import Servable, load_op_libraries, load_servable
from serving.server.server_options import ServerOptions
from serving.server.status import Code
from serving.server.text_messages import read_batching_parameters
from serving.server.warmup import warm_up

logger = logging.getLogger(__name__)

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Server:
    """Serves models over TensorFlow Serving's gRPC and REST.

    Args:
      options: How to run.

    Raises:
      InputError: A file or a port cannot be used.
      BundleError: The bundle is damaged.
      ServingError: The models' configuration is wrong.
    """

    def __init__(self, options: ServerOptions):
        self._options = options
        parameters = options.batching_parameters
        self._batching = None if parameters is None else BatchScheduler(read_batching_parameters(parameters))
        self.manager = ModelManager(model_choice(options), options.manager, self._load)
        self.metrics = ServerMetrics(self.manager.names)
        self._access_log = AccessLog() if options.access_log else None
        inference = Inference(self.manager)
        self._grpc = GrpcServer(options, inference, self.manager, self._observe)
        self._rest_calls = ThreadPoolExecutor(options.max_concurrent_calls, thread_name_prefix="rest")
        self._rest = None if options.rest_port is None else RestServer(options, self._app(inference))
        if options.host not in _LOOPBACK and options.tls_certificate is None:
            logger.warning("whoever reaches %s can call this server, and read along: use TLS", options.host)

    @property
    def grpc_port(self) -> int:
        """Where gRPC listens."""
        return self._grpc.port

    @property
    def rest_port(self) -> int | None:
        """Where REST listens; `None` if it does not."""
        return None if self._rest is None else self._rest.port

    def start(self) -> None:
        """Loads the models, then takes calls.

        Raises:
          ServingError: A model's versions cannot be loaded.
        """
        load_op_libraries()
        self.manager.start()
        self._grpc.start()
        if self._rest is not None:
            self._rest.start()

    def stop(self) -> None:
        """Takes no new calls, waits for those that run, and unloads the models."""
        if self._rest is not None:
            self._rest.refuse()
        self._grpc.stop(self._options.grace_seconds)
        if self._rest is not None:
            self._rest.stop()
        self._rest_calls.shutdown()
        self.manager.stop()
        if self._batching is not None:
            self._batching.stop()

    def _app(self, inference: Inference) -> Starlette:
        return rest_app(
            inference,
            executor=self._rest_calls,
            max_calls=self._options.max_calls,
            timeout=self._options.rest_timeout_seconds,
            max_body_bytes=self._options.max_body_bytes,
            observe=self._observe,
            metrics_path=metrics_path(self._options),
            metrics_page=self.metrics.page,
        )

    def _load(self, name: str, version: int, folder: Path) -> Servable:
        """Loads a version, and lets it answer its warm-up requests."""
        servable = load_servable(name, version, folder, self._batching)
        try:
            warm_up(servable, folder)
        except BaseException:
            servable.close()
            raise
        return servable

    def _observe(self, model_name: str, status: Code, seconds: float, api: str, entrypoint: str) -> None:
        self.metrics(model_name, status, seconds, api, entrypoint)
        if self._access_log is not None:
            self._access_log(model_name, status, seconds, api, entrypoint)
