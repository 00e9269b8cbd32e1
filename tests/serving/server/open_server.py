"""The two interfaces of a server on real sockets, around models that a test has written."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import httpx
import uvicorn
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.server.grpc_services import add_services
from serving.server.inference import Inference
from serving.server.rest_app import rest_app

PATIENCE = 60


@dataclass(frozen=True)
class OpenServer:
    """Clients of both interfaces, and what lies behind them."""

    rest: httpx.Client
    prediction: prediction_service_pb2_grpc.PredictionServiceStub
    model: model_service_pb2_grpc.ModelServiceStub
    inference: Inference
    grpc_address: str


@contextmanager
def open_server(manager, **rest_options):
    """Serves the models of a manager that has started."""
    inference = Inference(manager)
    with (
        _rest_address(rest_app(inference, **rest_options)) as address,
        _grpc_port(inference, manager) as port,
        httpx.Client(base_url=address, timeout=PATIENCE) as rest,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield OpenServer(
            rest,
            prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel),
            inference,
            f"127.0.0.1:{port}",
        )


@contextmanager
def _rest_address(app):
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _grpc_port(inference, manager):
    server = grpc.server(ThreadPoolExecutor(4))
    add_services(server, inference, manager)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()
