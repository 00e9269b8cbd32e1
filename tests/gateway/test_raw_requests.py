"""Requests that no client of a library would make, byte by byte over a socket."""

import json
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from gateway.guard import ACCESS_LOGGER
from gateway.page_routes import PAGE
from tests.gateway.hostile import MARK
from tests.gateway.listening import listening
from tests.gateway.log_lines import logged

SECONDS = 60
# Where a server that took a path for a file would end up, from `gateway/page` and from elsewhere.
TRICKS = (
    "../app.py",
    "..%2fapp.py",
    "%2e%2e/app.py",
    "%2e%2e%2fapp.py",
    "%252e%252e%252fapp.py",
    "..%5capp.py",
    "..\\app.py",
    "....//app.py",
    "..;/app.py",
    "%c0%ae%c0%ae/app.py",
    "main.js%00.css",
    "main.js%0a",
    "./main.js",
    "MAIN.JS",
    "main.js/",
    "main.js/../../app.py",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "../../../../../../../../etc/passwd",
    "file:///etc/passwd",
    "file:%2f%2f%2fetc%2fpasswd",
    "C:%5cWindows%5cwin.ini",
    "__init__.py",
    "<script>alert(1)</script>",
    "%3Cscript%3Ealert(1)%3C%2fscript%3E",
)


@dataclass
class Answer:
    """To some bytes.

    Attributes:
      status: Its number.
      headers: By their names in lower case.
      body: Its bytes.
      line: That the log has of it.
    """

    status: int
    headers: dict
    body: bytes
    line: dict


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """Sends bytes, and gives the answer."""
    with logged() as lines, listening(tmp_path_factory.mktemp("raw")) as opened:
        place = urlsplit(opened.address)

        def send(request):
            with socket.create_connection((place.hostname, place.port), SECONDS) as connection:
                connection.sendall(request)
                with connection.makefile("rb") as stream:
                    answer = stream.read()
            (line,) = lines.take(1)
            return _parsed(answer, line)

        yield send


def _parsed(answer, line):
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
    return Answer(int(first.split()[1]), headers, body, line)


def _request(path, host="localhost", method="GET", more=()):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *more]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize("folder", ["/page/", "/", "/v1/", "/page/page/"])
@pytest.mark.parametrize("trick", TRICKS)
def test_no_path_leads_to_a_file_from_elsewhere(sent, folder, trick):
    answer = sent(_request(folder + trick))
    assert answer.status in (400, 404)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert list(json.loads(answer.body)) == ["error"]
    assert len(answer.body) < 100
    assert answer.line["route"] in ("(none)", "/page/{name}")
    assert answer.line["status"] == answer.status


def test_a_part_of_the_page_is_given_by_its_name_alone(sent):
    for path in ("/page/main.js", "/page/main.js?name=../app.py"):
        assert sent(_request(path)).body == (PAGE / "main.js").read_bytes()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "localhost:80@evil.example",
        "localhost/../evil.example",
        "evil.example:80",
        "<script>evil",
        "",
        "127.0.0.1.evil.example",
        "[::1].evil.example",
    ],
)
def test_another_name_is_refused_and_not_repeated(sent, host):
    answer = sent(_request("/v1/options", host))
    assert answer.status == 400
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].startswith("text/plain")
    assert "location" not in answer.headers
    assert "evil" not in str(answer)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080"])
def test_names_of_this_machine_are_let_in(sent, host):
    assert sent(_request("/health", host)).status == 200


def test_no_path_is_mended_by_leading_elsewhere(sent):
    """What a caller says of host and path would be part of the place."""
    answer = sent(_request("/v1/options/"))
    assert (answer.status, "location" in answer.headers) == (404, False)


@pytest.mark.parametrize(
    "request_bytes",
    [
        _request(f"/{MARK}%0a%0dforged%1b%5b31m"),
        _request(f"/{MARK}?a=\x1b[31m"),
        _request("/health", more=[f"X-Request-Id: {MARK}\x1b[2J"]),
        _request("/health", more=[f"X-Request-Id: {MARK}\xe2\x80\xa8"]),
        _request("/health", more=[f"User-Agent: {MARK}' OR 1=1 <script>"]),
        _request("/health", more=[f"X-Forwarded-For: {MARK}", f"X-Forwarded-Host: {MARK}.example"]),
        _request("/health", more=[f"{MARK}: {'x' * 10_000}"]),
        _request("/health", more=["Content-Length: 5", "Transfer-Encoding: chunked", f"{MARK}: x"]),
        _request("/v1/events", method="PROPFIND"),
        _request("/health", method=MARK.upper()),
        _request("/health", more=[f"{MARK}\r\n folded: x"]),
        f"GET http://{MARK}.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(),
        f"{MARK}\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nHost: localhost\r\nX: {MARK}\x00\r\n\r\n".encode(),
    ],
)
def test_a_request_is_one_line_in_the_log_which_holds_nothing_of_it(sent, request_bytes):
    answer = sent(request_bytes)
    assert answer.status in (200, 400, 404, 405)
    assert answer.line["logger"] in (ACCESS_LOGGER, "uvicorn.error")  # the latter's of what is no HTTP
    assert MARK not in str(answer).lower()
    assert MARK not in str(sent(_request("/metrics"))).lower()
