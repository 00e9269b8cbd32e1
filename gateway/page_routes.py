"""The gateway's page, and what it asks for beside lists and events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import Response

from gateway.access import Access
from gateway.answering import Answering
from gateway.api.page import HistoryAnswer, HistoryQuestion, Options, State
from gateway.current_facts import CurrentFacts
from gateway.figures import Figures
from gateway.keys import Scope

PAGE = Path(__file__).with_name("page")
_START = "index.html"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def add_page(app: FastAPI, access: Access, facts: CurrentFacts) -> None:
    """Adds the routes.

    Args:
      app: The gateway's.
      access: Who may ask for what; the page itself holds nothing, and is everybody's.
      facts: What the page says of the run.
    """
    _add_files(app, {file.name: file for file in PAGE.iterdir() if file.suffix in _TYPES})
    _add_answers(app, access, facts)

    @app.post("/v1/people/history", dependencies=[Depends(access.needs(Scope.PEOPLE))], tags=["people"])
    async def history(question: HistoryQuestion, gateway: Answering) -> HistoryAnswer:
        """What a user did: lately, by the gateway's session, and before, as the models know it."""
        return await gateway.history(question)


def _add_files(app: FastAPI, files: Mapping[str, Path]) -> None:
    """The page's files; what is asked for is looked up among their names, and is never part of a path."""
    contents = {name: _response(file) for name, file in files.items()}

    @app.get("/", include_in_schema=False)
    async def start() -> Response:
        return contents[_START]

    @app.get("/page/{name}", include_in_schema=False)
    async def part(name: str) -> Response:
        if name not in contents:
            raise HTTPException(404, "there is no such file")
        return contents[name]


def _response(file: Path) -> Response:
    return Response(file.read_bytes(), media_type=f"{_TYPES[file.suffix]}; charset=utf-8")


def _add_answers(app: FastAPI, access: Access, facts: CurrentFacts) -> None:
    allowed = [Depends(access.needs(Scope.RECOMMEND))]

    @app.get("/v1/options", dependencies=allowed, tags=["state"])
    async def options(gateway: Answering) -> Options:
        """What can be chosen: users, versions, scenarios."""
        versions = await gateway.versions()
        run = await facts.of(versions)
        return Options(
            run=run.name,
            user_ids=run.user_ids,
            versions=versions,
            scenarios=gateway.config.scenarios,
            ratings=gateway.config.ratings,
            tasks=dict(run.tasks),
            counting=run.counting,
        )

    @app.get("/v1/state", dependencies=allowed, tags=["state"])
    async def state(gateway: Answering) -> State:
        """Figures since the gateway started: requests for lists, latency, clicks, versions, drift."""
        figures = Figures.of(gateway.metrics.samples())
        versions = await gateway.versions()
        run = await facts.of(versions)
        return State(
            requests=figures.requests,
            p50_ms=figures.milliseconds(0.5),
            p99_ms=figures.milliseconds(0.99),
            click_rate=figures.click_rate,
            lists=dict(figures.lists),
            events=dict(figures.events),
            versions=versions,
            drift=run.drift,
        )
