"""The gateway that an application's requests go to."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from gateway.gateway import Gateway


def _gateway(request: Request) -> Gateway:
    gateway: Gateway = request.app.state.gateway
    return gateway


Answering = Annotated[Gateway, Depends(_gateway)]
