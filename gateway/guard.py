"""What stands before every request: size, number at once, figures, a line in the log, safe headers."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.deadline import begin
from gateway.metrics import GatewayMetrics
from pipeline.config.gateway import LimitsConfig
from serving.server.json_logs import FIELDS
from serving.server.request_body import BodyTooLargeError, DisconnectedError, read_body

ACCESS_LOGGER = "gateway.access"
logger = logging.getLogger(__name__)

_OTHER = "(none)"  # of paths that no route has: a caller must not fill the memory by making them up
_MORE = {503: {"retry-after": "1"}, 408: {"connection": "close"}}  # headers of refusals, by status
# Nothing from elsewhere, no inline script, no frame around the page.
SAFE_HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """ASGI middleware.

    Args:
      app: Answers.
      metrics: Counts.
      limits: Larger bodies are refused with 413, slower ones with 408, more calls at the same time with 503.
    """

    def __init__(self, app: ASGIApp, metrics: GatewayMetrics, limits: LimitsConfig):
        self._app = app
        self._metrics = metrics
        self._limits = limits
        self._calls = 0  # touched on the event loop only
        self._log = logging.getLogger(ACCESS_LOGGER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through, or not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin()
        started, status = time.monotonic(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(SAFE_HEADERS)
            await send(message)

        self._calls += 1
        try:
            await self._answered(scope, receive, noted)
        except Exception as error:  # a fault of ours, whatever it is
            logger.error("a request failed: %s", _where(error))
            if not status:
                await _refusal(500, "the gateway failed; its log says where")(scope, receive, noted)
        finally:
            self._calls -= 1
            self._note(scope, status or 500, time.monotonic() - started)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        limits = self._limits
        if self._calls > limits.max_calls:
            await _refusal(503, "too many requests at once; try again later")(scope, receive, send)
            return
        try:
            body = await asyncio.wait_for(read_body(receive, limits.max_body_bytes), limits.body_seconds)
        except BodyTooLargeError:
            message = f"the body has more than {limits.max_body_bytes} bytes"
            await _refusal(413, message)(scope, receive, send)
            return
        except asyncio.TimeoutError:
            message = f"the body has not come in within {limits.body_seconds:g} seconds"
            await _refusal(408, message)(scope, receive, send)
            return
        except DisconnectedError:
            return
        await self._app(scope, _replay(body, receive), send)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        """Counts and logs a request; what was asked, and by whom, is in neither."""
        route = scope.get("route")
        path = getattr(route, "path", _OTHER)
        self._metrics.request(path, status, seconds)
        fields = {
            "method": scope["method"] if scope["method"] in getattr(route, "methods", ()) else "",
            "route": path,
            "status": status,
            "milliseconds": round(seconds * 1000, 3),
        }
        self._log.info("", extra={FIELDS: fields})


def _where(error: Exception) -> str:
    """Kind and place of an error; its message may hold what was asked, as those about values do."""
    return f"{type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"


def _replay(body: bytes, receive: Receive) -> Receive:
    """Gives a body that was read once more, then whatever comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _refusal(status: int, message: str) -> Response:
    return Response(json.dumps({"error": message}), status, _MORE.get(status), "application/json")
