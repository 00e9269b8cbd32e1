"""Servers over real sockets that fail as planned, and then answer y = x / 2 + 2."""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent import futures

import grpc
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from serving.client.messages import PredictRequest, PredictResponse
from serving.client.tensors import to_array, to_tensor

PREDICT = "/tensorflow.serving.PredictionService/Predict"


class Plan:
    """What a server does to its next calls.

    Attributes:
      failures: Codes or statuses, one a call.
      delay: Seconds before an answer.
      num_calls: So far.
    """

    def __init__(self, *failures, delay=0.0):
        self.failures = list(failures)
        self.delay = delay
        self.num_calls = 0

    def next_failure(self):
        self.num_calls += 1
        time.sleep(self.delay)
        return self.failures.pop(0) if self.failures else None


@contextlib.contextmanager
def grpc_server(plan):
    """Yields the address."""

    def predict(body, context):
        code = plan.next_failure()
        if code is not None:
            context.abort(code, "as planned")
        response = PredictResponse()
        x = to_array(PredictRequest.FromString(body).inputs["x"])
        response.outputs["y"].CopyFrom(to_tensor(x / 2 + 2))
        return response.SerializeToString()

    class Handlers(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(predict) if details.method == PREDICT else None

    server = grpc.server(futures.ThreadPoolExecutor(4), [Handlers()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@contextlib.contextmanager
def rest_server(plan):
    """Yields the URL."""

    async def predict(request):
        status = plan.next_failure()
        if status is not None:
            return JSONResponse({"error": "as planned"}, status)
        x = (await request.json())["inputs"]["x"]
        return JSONResponse({"outputs": [value / 2 + 2 for value in x]})

    app = Starlette(routes=[Route("/v1/models/m:predict", predict, methods=["POST"])])
    settings = uvicorn.Config(app, port=0, lifespan="off", log_config=None, ws="none")
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
