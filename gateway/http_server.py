"""uvicorn, as the gateway runs it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from pipeline.errors import InputError

_KEEP_ALIVE_SECONDS = 60
_GRACE_SECONDS = 30
_BACKLOG = 2048


def serve_http(app: ASGIApp, host: str, port: int, started: Callable[[str], None]) -> None:
    """Answers until SIGTERM or SIGINT; requests that run are let end.

    Args:
      app: Answers.
      host: Address to listen on.
      port: 0 for a free one.
      started: Is told `host:port` once requests are taken.

    Raises:
      InputError: The port cannot be used, or the application does not start.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise InputError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    name = f"[{host}]" if family == socket.AF_INET6 else host
    server = _Uvicorn(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            loop="uvloop",
            http="httptools",
            ws="none",
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        ),
        lambda: started(f"{name}:{listening.getsockname()[1]}"),
    )
    with listening:
        server.run(sockets=[listening])
    if not server.started:
        raise InputError("the gateway does not start; see the log")


class _Uvicorn(uvicorn.Server):
    """Tells that it has started, and ends well when it is told to."""

    def __init__(self, config: uvicorn.Config, has_started: Callable[[], None]):
        super().__init__(config)
        self._has_started = has_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        if self.started:
            self._has_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins the end, and does not raise the signal once more after it; a second one ends at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
