"""The REST interface as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from serving.server.inference import Inference
from serving.server.json_answers import error_json
from serving.server.observer import Observer, ignore
from serving.server.request_body import BodyTooLargeError, DisconnectedError, read_body, unpacked
from serving.server.rest_calls import answer
from serving.server.rest_path import is_api_path, rest_call
from serving.server.status import Code, ServingError, http_status

logger = logging.getLogger(__name__)

_APIS = {
    "predict": "Predict",
    "classify": "Classify",
    "regress": "Regress",
    "metadata": "GetModelMetadata",
    "status": "GetModelStatus",
}
_TOO_LARGE = 413
_CLIENT_LEFT = 499


def rest_app(
    inference: Inference,
    *,
    executor: Executor | None = None,
    max_calls: int = 1000,
    timeout: float | None = 30.0,
    max_body_bytes: int = 2**28,
    observe: Observer = ignore,
    metrics_path: str | None = None,
    metrics_page: Callable[[], bytes] | None = None,
) -> Starlette:
    """Makes the application.

    Args:
      inference: The models.
      executor: Runs the models; by default asyncio's own.
      max_calls: Calls that are taken in at once, running or waiting; more are refused with 503.
      timeout: Seconds until a call ends with 504; `None` for never.
      max_body_bytes: Of a request as it is sent; larger ones are refused with 413.
      observe: Is told of each call.
      metrics_path: Where the metrics are, such as `/monitoring/prometheus/metrics`; `None` for nowhere.
      metrics_page: Makes the page.
    """
    routes: list[Route | Mount] = []
    if metrics_path and metrics_page:

        def metrics(_: object) -> Response:
            return Response(metrics_page(), media_type="text/plain")

        routes.append(Route(metrics_path, metrics))
    routes.append(Mount("/", app=RestApi(inference, executor, max_calls, timeout, max_body_bytes, observe)))
    return Starlette(routes=routes)


class RestApi:
    """TensorFlow Serving's REST interface; for its arguments see :func:`rest_app`."""

    def __init__(
        self,
        inference: Inference,
        executor: Executor | None,
        max_calls: int,
        timeout: float | None,
        max_body_bytes: int,
        observe: Observer,
    ):
        self._inference = inference
        self._executor = executor
        self._max_calls = max_calls
        self._calls = 0  # touched on the event loop only
        self._timeout = timeout
        self._max_body_bytes = max_body_bytes
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        path = scope["raw_path"].decode("latin-1")
        if not is_api_path(path):
            status, content = 404, error_json("Not Found")
        elif self._calls >= self._max_calls:
            status, content = 503, error_json("The server has too many calls; try again later")
        else:
            self._calls += 1
            try:
                status, content = await self._answered(scope, path, receive)
            except DisconnectedError:
                status, content = _CLIENT_LEFT, b""
            finally:
                self._calls -= 1
        await Response(content, status, media_type="application/json")(scope, receive, send)

    async def _answered(self, scope: Scope, path: str, receive: Receive) -> tuple[int, bytes]:
        start = time.monotonic()
        try:
            body = await read_body(receive, self._max_body_bytes)
        except BodyTooLargeError:
            return _TOO_LARGE, error_json(f"The body has more than {self._max_body_bytes} bytes")
        is_packed = "gzip" in Headers(scope=scope).get("content-encoding", "")
        query = scope["query_string"].decode("latin-1")
        deadline = None if self._timeout is None else start + self._timeout
        work = asyncio.get_running_loop().run_in_executor(
            self._executor,
            self._run,
            scope["method"],
            f"{path}?{query}" if query else path,
            body,
            is_packed,
            start,
            deadline,
        )
        try:
            # Shielded: what runs in a thread goes on, and its outcome is to be noted.
            return await asyncio.wait_for(asyncio.shield(work), self._timeout)
        except asyncio.TimeoutError:
            return http_status(Code.DEADLINE_EXCEEDED), error_json("Deadline exceeded")

    def _run(
        self, method: str, path: str, body: bytes, is_packed: bool, start: float, deadline: float | None
    ) -> tuple[int, bytes]:
        """Answers a request, in a thread."""
        code, api, name = Code.OK, "", ""
        try:
            call = rest_call(method, path)
            api, name = _APIS[call.method], call.spec.name
            content = answer(self._inference, call, unpacked(body) if is_packed else body, deadline)
        except ServingError as error:
            code, content = error.code, error_json(error.message)
        except Exception:
            logger.exception("a REST call failed")
            code, content = Code.INTERNAL, error_json("The server failed; see its log")
        self._observe(name, code, time.monotonic() - start, api, "REST")
        return http_status(code), content
