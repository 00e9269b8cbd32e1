"""A gateway that listens on a free port of this machine, with the models' place taken."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from tests.gateway.door import application
from tests.gateway.listing_models import ListingModels


@contextmanager
def listening(folder: Path, **settings):
    """Yields its address, and what stands in the models' place."""
    models = ListingModels()
    with application(folder, models, **settings) as app, socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_config=None, lifespan="on", ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=asyncio.run, args=(server.serve([listener]),))
        thread.start()
        try:
            while not server.started:
                thread.join(0.01)
                assert thread.is_alive()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", models
        finally:
            server.should_exit = True
            thread.join()
