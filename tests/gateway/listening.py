"""A gateway that listens on a free port of this machine, with the models' place taken."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from tests.gateway.door import application
from tests.gateway.listing_models import ListingModels

_SECONDS = 60


class Listening:
    """A gateway in a thread.

    Attributes:
      address: Of the page.
      models: In the models' place.
      gateway: Behind the page.
    """

    def __init__(self, server: uvicorn.Server, loop: asyncio.AbstractEventLoop, app, models: ListingModels):
        self.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
        self.models = models
        self.gateway = app.state.gateway
        self._loop = loop

    def events(self, user: str, kind: str) -> list:
        """Events of a user that the log has."""
        return [event for event in self._stored(user).events if event.kind == kind]

    def lists(self, user: str) -> list:
        """Lists of a user that the log has, the oldest first."""
        return sorted(self._stored(user).served, key=lambda served: served.time_ms)

    def _stored(self, user: str):
        return asyncio.run_coroutine_threadsafe(self.gateway.log.of_user(user), self._loop).result(_SECONDS)


class _Server(uvicorn.Server):
    """Tells when it is up, and of which loop it is."""

    def __init__(self, config):
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.is_up.set()


@contextmanager
def listening(folder: Path, **arguments):
    """Yields a gateway on a free port; the arguments are those of :func:`tests.gateway.door.application`."""
    models = ListingModels()
    with application(folder, models, **arguments) as app:
        config = uvicorn.Config(app, port=0, log_config=None, lifespan="on", ws="none")
        server = _Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            assert server.is_up.wait(_SECONDS)
            yield Listening(server, server.loop, app, models)
        finally:
            server.should_exit = True
            thread.join(_SECONDS)
