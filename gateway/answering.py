"""The gateway that an application's requests go to."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from gateway.gateway import Gateway


async def _gateway(request: Request) -> Gateway:
    """A coroutine, since FastAPI gives other functions to a thread, for each request."""
    gateway: Gateway = request.app.state.gateway
    return gateway


Answering = Annotated[Gateway, Depends(_gateway)]
