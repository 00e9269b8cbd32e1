"""What the two clients over REST share."""

from __future__ import annotations

import json
import ssl
from typing import Any

import grpc
import httpx

from pipeline.errors import InputError
from serving.client.call import Call
from serving.client.errors import ServingCallError, call_error, http_error
from serving.client.options import ClientOptions, Tls

_SHOWN = 300  # characters of an answer that is no JSON


def client_settings(url: str, options: ClientOptions) -> dict[str, Any]:
    """Settings of an HTTP client: no proxies, no redirects, connections are kept."""
    context = True if options.tls is None else _tls_context(options.tls)
    return {"base_url": url, "verify": context, "trust_env": False, "follow_redirects": False}


def request_settings(call: Call[Any], seconds: float) -> dict[str, Any]:
    """Settings of a request."""
    settings: dict[str, Any] = {"method": "GET" if call.body is None else "POST", "url": call.path}
    if call.body is not None:
        settings |= {"content": call.body, "headers": {"Content-Type": "application/json"}}
    return {**settings, "timeout": max(seconds, 0.001)}


def check_size(num_bytes: int, options: ClientOptions) -> None:
    """Raises `ServingCallError` once an answer is too large."""
    if num_bytes > options.max_message_bytes:
        message = f"the answer is larger than max_message_bytes, {options.max_message_bytes}"
        raise call_error(grpc.StatusCode.RESOURCE_EXHAUSTED, message)


def checked_body(status: int, body: bytes) -> bytes:
    """The body of a good answer; raises `ServingCallError` for any other."""
    if status == httpx.codes.OK:
        return body
    try:
        message = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        message = f"HTTP status {status}: {body.decode(errors='replace')[:_SHOWN]}"
    raise http_error(status, message)


def transport_error(error: httpx.HTTPError) -> ServingCallError:
    """The error of an answer that did not come."""
    if isinstance(error, httpx.TimeoutException):
        return call_error(grpc.StatusCode.DEADLINE_EXCEEDED, "no answer came in time")
    return call_error(grpc.StatusCode.UNAVAILABLE, str(error) or type(error).__name__)


def _tls_context(tls: Tls) -> ssl.SSLContext:
    """How an encrypted connection is made.

    Raises:
      InputError: A file cannot be read, or is no certificate or key.
    """
    try:
        context = ssl.create_default_context(cafile=None if tls.ca_file is None else str(tls.ca_file))
        if tls.cert_file is not None:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"the TLS files cannot be used: {error}") from None
    return context
