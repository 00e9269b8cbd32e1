"""The REST interface of a server, listening."""

from __future__ import annotations

import socket
import threading

import uvicorn
from starlette.applications import Starlette

from pipeline.errors import InputError
from serving.server.server_options import ServerOptions
from serving.server.tls import uvicorn_settings

_STARTUP_SECONDS = 30.0
_KEEP_ALIVE_SECONDS = 60  # uvicorn's 5 close connections that callers' pools still take for open


class RestServer:
    """uvicorn in a thread.

    Args:
      options: How to run.
      app: Answers.

    Raises:
      InputError: The port is taken, or TLS' files cannot be used.

    Attributes:
      port: On which it listens.
    """

    def __init__(self, options: ServerOptions, app: Starlette):
        self._socket = _bound(options.host, options.rest_port or 0)
        self.port = int(self._socket.getsockname()[1])
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                loop="uvloop",
                http="httptools",
                ws="none",
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, round(options.grace_seconds)),
                **uvicorn_settings(options),
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="rest", daemon=True
        )

    def start(self) -> None:
        """Takes calls from now on."""
        self._thread.start()
        if not self._server.ready.wait(_STARTUP_SECONDS):
            raise InputError("the REST interface does not start; see the log")

    def refuse(self) -> None:
        """Takes no new calls from now on."""
        self._server.should_exit = True

    def stop(self) -> None:
        """Takes no new calls, and waits for those that run."""
        self.refuse()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()


class _Uvicorn(uvicorn.Server):
    """Tells other threads that it has started."""

    def __init__(self, config: uvicorn.Config):
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        self.ready.set()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise InputError(f"cannot listen on {host}:{port} for REST: {error.strerror}") from error
