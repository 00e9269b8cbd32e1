"""Over REST, awaited."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import httpx

from serving.client.async_client import AsyncClient
from serving.client.call import Call
from serving.client.errors import call_error
from serving.client.http_call import (
    check_size,
    checked_body,
    client_settings,
    request_settings,
    transport_error,
)
from serving.client.options import ClientOptions
from serving.client.rest_codec import RestCodec


class AsyncRestClient(AsyncClient):
    """Calls a model server over REST; see :class:`~serving.client.rest_client.RestClient`."""

    def __init__(self, url: str, options: ClientOptions | None = None):
        """Connects at the first call.

        Args:
          url: `http://host:port`, or `https://host:port`.
          options: How it calls.
        """
        options = options or ClientOptions()
        super().__init__(RestCodec(), options)
        self._http = httpx.AsyncClient(**client_settings(url, options))

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _send(self, call: Call[Any], seconds: float) -> bytes:
        """Makes a call once."""
        try:
            return await asyncio.wait_for(self._exchange(call, seconds), max(seconds, 0.001))
        except asyncio.TimeoutError:
            message = "no answer came in time"
            raise call_error(grpc.StatusCode.DEADLINE_EXCEEDED, message) from None
        except httpx.HTTPError as error:
            raise transport_error(error) from None

    async def _exchange(self, call: Call[Any], seconds: float) -> bytes:
        """Sends a request and takes its answer."""
        body = bytearray()
        async with self._http.stream(**request_settings(call, seconds)) as response:
            async for chunk in response.aiter_bytes():
                body += chunk
                check_size(len(body), self._options)
        return checked_body(response.status_code, bytes(body))
