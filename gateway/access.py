"""Who may ask for what, and how often."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from gateway.keys import Caller, CallerKeys, Scope

_WINDOW_SECONDS = 10
_EVERYTHING = frozenset(Scope)
_BEARER = HTTPBearer(auto_error=False, description="A key that `recstack gateway key` made.")


class Access:
    """Checks keys and counts requests.

    Args:
      keys: Of callers; `None` lets everybody who can reach the gateway ask for everything.
      requests_per_second: Of a caller.
    """

    def __init__(self, keys: CallerKeys | None, requests_per_second: float):
        self._keys = keys
        amount = max(1, round(requests_per_second * _WINDOW_SECONDS))
        self._limit = RateLimitItemPerSecond(amount, _WINDOW_SECONDS)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def needs(self, scope: Scope) -> Callable[..., Awaitable[Caller]]:
        """A FastAPI dependency: the caller, who may do that."""
        if self._keys is None:

            async def anybody(request: Request) -> Caller:
                address = request.client.host if request.client else ""
                return await self._counted(Caller(address, _EVERYTHING))

            return anybody
        keys = self._keys

        async def checked(
            credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
        ) -> Caller:
            caller = keys.caller(credentials.credentials) if credentials else None
            if caller is None:
                message = "a key is needed, as in `Authorization: Bearer rsk_...`"
                raise HTTPException(401, message, {"www-authenticate": "Bearer"})
            if scope not in caller.scopes:
                raise HTTPException(403, f"this key may not do that: it lacks the scope {scope.value}")
            return await self._counted(caller)

        return checked

    async def _counted(self, caller: Caller) -> Caller:
        """The caller, unless they ask too often."""
        if not await self._limiter.hit(self._limit, caller.name):
            raise HTTPException(429, "too many requests; try again later", {"retry-after": "1"})
        return caller
