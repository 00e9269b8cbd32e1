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
_BEARER = HTTPBearer(
    auto_error=False, description="A key of `recstack gateway key`, if the gateway wants any."
)


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

        async def checked(
            request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
        ) -> Caller:
            caller = self._caller(request, credentials)
            if scope not in caller.scopes:
                raise HTTPException(403, f"this key may not do that: it lacks the scope {scope.value}")
            if not await self._limiter.hit(self._limit, caller.name):
                raise HTTPException(429, "too many requests; try again later", {"retry-after": "1"})
            return caller

        return checked

    def _caller(self, request: Request, credentials: HTTPAuthorizationCredentials | None) -> Caller:
        if self._keys is None:
            return Caller(request.client.host if request.client else "", _EVERYTHING)
        caller = self._keys.caller(credentials.credentials) if credentials else None
        if caller is None:
            message = "a key is needed, as in `Authorization: Bearer rsk_...`"
            raise HTTPException(401, message, {"www-authenticate": "Bearer"})
        return caller
