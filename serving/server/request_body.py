"""Reads the body of an HTTP request within limits."""

from __future__ import annotations

import zlib

from starlette.types import Message, Receive

MAX_UNPACKED_BYTES = 100 * 2**20
_GZIP = 16 + zlib.MAX_WBITS


class BodyTooLargeError(Exception):
    """A body has more bytes than the limit."""


class DisconnectedError(Exception):
    """The client left before it had sent everything."""


async def read_body(receive: Receive, max_bytes: int) -> bytes:
    """Receives a body.

    Raises:
      BodyTooLargeError: It has more than `max_bytes`.
      DisconnectedError: It is not whole.
    """
    parts, size = [], 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        part = message.get("body", b"")
        size += len(part)
        if size > max_bytes:
            raise BodyTooLargeError
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def unpacked(body: bytes, max_bytes: int = MAX_UNPACKED_BYTES) -> bytes:
    """Unpacks a gzip body.

    Returns:
      What was packed; nothing if the body is broken or unpacks to more than `max_bytes`, as in TensorFlow
      Serving, so that the document is then an empty one.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        content = unpacker.decompress(body, max_bytes + 1)
    except zlib.error:
        return b""
    return content if unpacker.eof and len(content) <= max_bytes else b""
