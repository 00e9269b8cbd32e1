"""The gateway's HTTP interface."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException as HttpError
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from gateway.access import Access
from gateway.answering import Answering
from gateway.api.answers import Accepted, Erased, ListAnswer, PersonData, Problem
from gateway.api.events import EventBatch, batch_of
from gateway.api.questions import ItemQuestion, PersonQuestion, TextQuestion, UserQuestion
from gateway.current_facts import CurrentFacts
from gateway.events.event_log import EventLogError, UnsupportedByLogError
from gateway.gateway import Gateway
from gateway.guard import Guard
from gateway.keys import CallerKeys, Scope
from gateway.metrics import GatewayMetrics
from gateway.page_routes import add_page
from gateway.run_facts import RunFacts
from gateway.sessions import SessionStoreError
from pipeline.config.gateway import GatewayConfig
from serving.client import ServingCallError

_HERE = ("localhost", "127.0.0.1", "[::1]", "::1")
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in {
        400: "The body is no JSON.",
        401: "A key is needed.",
        403: "The key may not do that.",
        408: "The body has not come in in time.",
        409: "The time of an event lies ahead of the gateway's clock.",
        413: "The body is too large.",
        422: "The body is not as it must be.",
        429: "Too many requests of one caller.",
        501: "The event log cannot do that.",
        503: "The gateway cannot do that now.",
    }.items()
}
Opened = AbstractAsyncContextManager[Gateway]


def gateway_app(
    config: GatewayConfig,
    opened: Callable[[GatewayMetrics], Opened],
    keys: CallerKeys | None,
    facts: Callable[[], RunFacts] = RunFacts,
) -> FastAPI:
    """Makes the application.

    Args:
      config: Of the gateway.
      opened: Opens the gateway that answers; called where the application's event loop runs.
      keys: Of callers; `None` for none.
      facts: Collects what the page says of the run; by default nothing.
    """
    metrics = GatewayMetrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(metrics) as gateway:
            app.state.gateway = gateway
            yield

    app = FastAPI(
        title="recstack gateway",
        version=version("recstack"),
        description="Recommendations, and what people do with them.",
        lifespan=lifespan,
        docs_url=None,  # their pages load from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        middleware=_middleware(config, metrics),
        responses=_PROBLEMS,
    )
    access = Access(keys, config.limits.requests_per_second)
    _add_lists(app, access)
    _add_events(app, access, config.limits.max_events)
    _add_people(app, access)
    _add_state(app)
    add_page(app, access, CurrentFacts(facts))
    for kind, said in _SAID.items():
        app.add_exception_handler(kind, said)
    return app


def _middleware(config: GatewayConfig, metrics: GatewayMetrics) -> list[Middleware]:
    """The first one is the outermost."""
    chain = [
        Middleware(Guard, metrics=metrics, limits=config.limits),
        # A page that was led to this address by a name of its own must not be answered.
        Middleware(
            TrustedHostMiddleware,
            allowed_hosts=[*_HERE, config.host, *config.allowed_hosts],
            www_redirect=False,
        ),
    ]
    if config.cors_origins:
        chain.append(
            Middleware(
                CORSMiddleware,
                allow_origins=config.cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["authorization", "content-type"],
            )
        )
    return chain


def _add_lists(app: FastAPI, access: Access) -> None:
    allowed = [Depends(access.needs(Scope.RECOMMEND))]

    @app.post("/v1/recommendations/user", dependencies=allowed, tags=["recommendations"])
    async def for_user(question: UserQuestion, gateway: Answering) -> ListAnswer:
        """Recommend to a user; their newest events count."""
        return await gateway.for_user(question)

    @app.post("/v1/recommendations/item", dependencies=allowed, tags=["recommendations"])
    async def like_item(question: ItemQuestion, gateway: Answering) -> ListAnswer:
        """Find items that are like one."""
        return await gateway.like_item(question)

    @app.post("/v1/recommendations/text", dependencies=allowed, tags=["recommendations"])
    async def for_text(question: TextQuestion, gateway: Answering) -> ListAnswer:
        """Find items that a text speaks of."""
        return await gateway.for_text(question)


def _add_events(app: FastAPI, access: Access, max_events: int) -> None:
    async def take(batch: EventBatch, gateway: Answering) -> Accepted:
        """Keep what people did; it is on the disk when this answers, and counts in the next request."""
        return await gateway.take(batch.events)

    take.__annotations__["batch"] = batch_of(max_events)  # FastAPI asks here what a batch is
    allowed = [Depends(access.needs(Scope.EVENTS))]
    app.post("/v1/events", status_code=202, dependencies=allowed, tags=["events"])(take)


def _add_people(app: FastAPI, access: Access) -> None:
    allowed = [Depends(access.needs(Scope.PEOPLE))]

    @app.post("/v1/people/export", dependencies=allowed, tags=["people"])
    async def export(question: PersonQuestion, gateway: Answering) -> PersonData:
        """Give out what the gateway has of a person."""
        return await gateway.export(question)

    @app.post("/v1/people/erase", dependencies=allowed, tags=["people"])
    async def erase(question: PersonQuestion, gateway: Answering) -> Erased:
        """Remove what the gateway has of a person."""
        return await gateway.erase(question)


def _add_state(app: FastAPI) -> None:
    @app.get("/health", tags=["state"], responses={})
    async def health() -> dict[str, str]:
        """Whether the gateway lives."""
        return {"status": "ok"}

    @app.get("/ready", tags=["state"])
    async def ready(gateway: Answering) -> dict[str, Any]:
        """Whether the models answer; without them, lists are the popular one."""
        return {"status": "ok", "versions": await gateway.models.versions()}

    @app.get("/metrics", tags=["state"], response_class=Response)
    async def metrics(gateway: Answering) -> Response:
        """What Prometheus reads."""
        return Response(gateway.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _error(status: int, message: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": message}, status, headers)


async def _unfit(_: Request, error: Exception) -> JSONResponse:
    """Says what was wrong with a body, and where; not what it held."""
    assert isinstance(error, RequestValidationError)
    is_json = all(problem["type"] != "json_invalid" for problem in error.errors())
    return _error(422 if is_json else 400, _problems(error))


async def _too_early(_: Request, error: Exception) -> JSONResponse:
    """Of what is as it must be the clock alone may find fault: sent later, the same may do."""
    assert isinstance(error, ValidationError)
    return _error(409, _problems(error))


def _problems(error: RequestValidationError | ValidationError) -> str:
    lines = [f"{_place(problem['loc'])}: {_message(problem)}" for problem in error.errors()]
    return "; ".join(lines[:5])


def _place(location: tuple[Any, ...]) -> str:
    """A dotted name; `body` stands for the whole of it."""
    inner = location[1:] if location[:1] == ("body",) and len(location) > 1 else location
    return ".".join(map(str, inner)) or "body"


def _message(problem: Any) -> str:
    return str(problem["msg"]).removeprefix("Value error, ")


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, UnsupportedByLogError):
        return _error(501, str(error))
    return _error(503, str(error), {"retry-after": "1"})


async def _without_models(_: Request, error: Exception) -> JSONResponse:
    return _error(503, f"the models do not answer: {error}", {"retry-after": "1"})


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HttpError)
    return _error(error.status_code, str(error.detail), error.headers)


_SAID = {
    RequestValidationError: _unfit,
    ValidationError: _too_early,
    EventLogError: _unavailable,
    SessionStoreError: _unavailable,
    ServingCallError: _without_models,
    HttpError: _problem,
}
