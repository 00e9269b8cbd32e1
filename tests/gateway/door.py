"""A gateway in this process, with the models' place taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

import gateway.gateway
from gateway.app import gateway_app
from gateway.events.sqlite_log import SqliteEventLog
from gateway.gateway import open_gateway
from gateway.keys import CallerKeys
from gateway.run_facts import RunFacts
from pipeline.config.gateway import GatewayConfig
from tests.gateway.listing_models import ListingModels


class Door:
    """What stands before the application: an HTTP client whose calls wait.

    Attributes:
      models: In the models' place.
      gateway: Behind the door.
    """

    def __init__(self, runner: Callable, app, models: ListingModels):
        self.run = runner
        self.models = models
        self.gateway = app.state.gateway
        # Whatever fails in the application is an answer, as for a caller.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    def call(self, method: str, path: str, **arguments) -> httpx.Response:
        return self.run(self.client.request(method, path, **arguments))

    def post(self, path: str, body: object, **arguments) -> httpx.Response:
        return self.call("POST", path, json=body, **arguments)

    def together(self, *bodies: tuple[str, object]) -> list[httpx.Response]:
        """Answers to requests that are made at the same time."""

        async def ask():
            return await asyncio.gather(*(self.client.post(path, json=body) for path, body in bodies))

        return self.run(ask())

    def settle(self) -> None:
        """Waits for what goes on behind the answers."""

        async def wait():
            others = asyncio.all_tasks() - {asyncio.current_task()}
            named = [task for task in others if "_keep" in repr(task.get_coro())]
            await asyncio.gather(*named)

        self.run(wait())

    def served(self, user: str):
        """The lists that the log has of a user."""
        self.settle()
        return self.run(self.gateway.log.of_user(user)).served


@contextmanager
def application(
    folder: Path,
    models: ListingModels,
    keys: CallerKeys | None = None,
    pseudonym=str,
    facts: RunFacts | Callable[[], RunFacts] = RunFacts,
    **settings,
):
    """Yields the application, whose lifespan has not begun."""
    config = GatewayConfig(**settings)
    read = facts if callable(facts) else lambda: facts
    patch = pytest.MonkeyPatch()
    patch.setattr(gateway.gateway, "ModelServer", lambda *_: models)

    @asynccontextmanager
    async def opened(metrics):
        log = SqliteEventLog(folder / "events")
        async with open_gateway(config, {}, folder, log, pseudonym, metrics) as parts:
            await parts.popular.renew(models, None)
            models.calls.clear()
            yield parts

    try:
        yield gateway_app(config, opened, keys, read)
    finally:
        patch.undo()


@contextmanager
def open_door(folder: Path, **settings):
    """Yields a door."""
    models, loop = ListingModels(), asyncio.new_event_loop()
    try:
        with application(folder, models, **settings) as app:
            lifespan = app.router.lifespan_context(app)
            loop.run_until_complete(lifespan.__aenter__())
            door = Door(loop.run_until_complete, app, models)
            yield door
            door.run(door.client.aclose())
            loop.run_until_complete(lifespan.__aexit__(None, None, None))
    finally:
        loop.close()
