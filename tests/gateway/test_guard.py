"""What stands before every request, over real sockets."""

import json
import socket
from urllib.parse import urlsplit

from tests.gateway.listening import listening

SECONDS = 60


def _answer(address, request):
    """Status and JSON of the answer to some bytes, after which the other side closes."""
    place = urlsplit(address)
    with socket.create_connection((place.hostname, place.port), SECONDS) as connection:
        connection.sendall(request.encode())
        with connection.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_body_that_does_not_come_takes_no_place(tmp_path):
    with listening(tmp_path, limits={"max_calls": 1, "body_seconds": 0.5}) as gateway:
        begun = (
            "POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            'Content-Length: 1000\r\n\r\n{"events": ['
        )
        message = "the body has not come in within 0.5 seconds"
        assert _answer(gateway.address, begun) == (408, {"error": message})
        whole = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert _answer(gateway.address, whole) == (200, {"status": "ok"})
