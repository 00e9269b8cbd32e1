"""`recstack serve`."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipeline.console import out, seconds_text
from pipeline.errors import BundleError, InputError

if TYPE_CHECKING:
    from serving.server.server import Server
    from serving.server.server_options import ServerOptions


def serve(options: dict[str, Any]) -> None:
    """Serves models until it is told to stop by SIGTERM or SIGINT.

    Args:
      options: Of :class:`serving.server.server_options.ServerOptions`; `None` for the default.

    Raises:
      InputError: The options do not go together, or a file or a port cannot be used.
      BundleError: The models cannot be loaded.
    """
    from serving.server.server_options import ServerOptions

    since = time.monotonic()
    try:
        settings = ServerOptions(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        raise InputError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    _log_as_json()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with _no_garbage_collection():
        server = _started(settings, stopped)
    if not stopped.is_set():
        out.print(_ready(server, settings.host, time.monotonic() - since))
    stopped.wait()
    server.stop()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What is imported and loaded stays; looking through it for garbage takes a second of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _started(settings: ServerOptions, stopped: threading.Event) -> Server:
    """A server that takes calls, unless it was stopped before.

    Raises:
      BundleError: The models cannot be loaded.
    """
    from serving.server.server import Server
    from serving.server.status import ServingError

    try:
        server = Server(settings)
        _start(server, stopped)
    except ServingError as error:
        raise BundleError(error.message) from error
    return server


def _start(server: Server, stopped: threading.Event) -> None:
    """Starts in a thread, so that a signal ends the waiting for models that cannot be loaded."""
    failed: list[Exception] = []

    def start() -> None:
        try:
            server.start()
        except Exception as error:  # handed to the main thread
            failed.append(error)

    thread = threading.Thread(target=start, name="start", daemon=True)
    thread.start()
    while thread.is_alive() and not stopped.is_set():
        thread.join(0.1)
    if failed:
        raise failed[0]


def _ready(server: Server, host: str, seconds: float) -> str:
    """One line: where, and what."""
    models = ", ".join(
        f"{name} {'+'.join(str(number) for number in server.manager.available(name)) or '(no version yet)'}"
        for name in server.manager.names()
    )
    rest = "" if server.rest_port is None else f", REST on {host}:{server.rest_port}"
    return f"ready in {seconds_text(seconds)}: gRPC on {host}:{server.grpc_port}{rest}; {models}"


def _log_as_json() -> None:
    from serving.server.json_logs import JsonFormatter

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("serving").setLevel(logging.INFO)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
