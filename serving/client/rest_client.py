"""Over REST, waiting."""

from __future__ import annotations

import time
from typing import Any

import grpc
import httpx

from serving.client.call import Call
from serving.client.client import Client
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


class RestClient(Client):
    """Calls a model server over REST.

    See :class:`~serving.client.rest_codec.RestCodec` for what JSON does not tell of outputs. All inputs of a
    signature must be given, also those that have defaults.
    """

    def __init__(self, url: str, options: ClientOptions | None = None):
        """Connects at the first call.

        Args:
          url: `http://host:port`, or `https://host:port`.
          options: How it calls.
        """
        options = options or ClientOptions()
        super().__init__(RestCodec(), options)
        self._http = httpx.Client(**client_settings(url, options))

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def _send(self, call: Call[Any], seconds: float) -> bytes:
        """Makes a call once."""
        end = time.monotonic() + seconds
        body = bytearray()
        try:
            with self._http.stream(**request_settings(call, seconds)) as response:
                for chunk in response.iter_bytes():
                    body += chunk
                    check_size(len(body), self._options)
                    if time.monotonic() > end:  # the timeouts of httpx are for each step
                        raise call_error(grpc.StatusCode.DEADLINE_EXCEEDED, "the answer did not end in time")
        except httpx.HTTPError as error:
            raise transport_error(error) from None
        return checked_body(response.status_code, bytes(body))
