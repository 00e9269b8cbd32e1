"""Runs an emulator of Google Cloud Storage: `storage_emulator.py PORT BUCKET`."""

import json
import sys
from email import message_from_bytes
from email.message import Message

from gcp_storage_emulator import server

_read = server._read_data


def _read_data(handler, query):
    """As the emulator does it, but for uploads.

    It takes their parts for mail with CRLF between them. gcsfs puts LF there, and so a carriage return at
    the end of an object would be lost.
    """
    header = Message()
    header["Content-Type"] = handler.headers.get("Content-Type") or ""
    if header.get_content_type() != "multipart/related":
        return _read(handler, query)
    raw = server._decode_raw_data(server._read_raw_data(handler), handler)
    boundary = b"--" + header.get_boundary().encode()
    between = b"\r\n" if raw.partition(boundary)[2].startswith(b"\r\n") else b"\n"
    _, meta, content = raw.split(boundary, 2)
    kind, _, body = content.partition(between * 2)
    return {
        "meta": json.loads(meta.partition(between * 2)[2]),
        "content": body[: body.rindex(between + boundary)],
        "content-type": message_from_bytes(kind.strip()).get_content_type(),
    }


if __name__ == "__main__":
    server._read_data = _read_data
    server.create_server("127.0.0.1", int(sys.argv[1]), True, default_bucket=sys.argv[2]).run()
