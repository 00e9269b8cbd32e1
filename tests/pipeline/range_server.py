"""A small file server on this machine that can resume, cut and stall."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Asked:
    """One request: the path, the first byte asked for, and the client's name."""

    path: str
    start: int
    client: str


@dataclass
class RangeServer:
    """Serves the files of a folder.

    Attributes:
      root: The folder.
      cut_after: Bytes of a body after which the connection is closed.
      stall_after: Bytes of a body after which nothing comes any more.
      ranges: Whether `Range` is honoured.
      status: An error that every request is answered with.
      asked: The requests so far.
      url: Its address.
    """

    root: Path
    cut_after: int | None = None
    stall_after: int | None = None
    ranges: bool = True
    status: int | None = None
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def starts(self, suffix: str) -> list[int]:
        """First bytes that were asked for, for the paths of a suffix."""
        return [a.start for a in self.asked if a.path.endswith(suffix)]


@contextmanager
def serve(root: Path, **options: Any) -> Iterator[RangeServer]:
    """Runs a server for the length of a `with` block."""
    server = RangeServer(root, **options)
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(server))
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        http.shutdown()
        thread.join()
        http.server_close()


def _handler(server: RangeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            path = server.root / self.path.lstrip("/")
            path = path / "index.html" if path.is_dir() else path
            asked = self.headers.get("Range", "bytes=0-")
            start = int(asked.removeprefix("bytes=").split("-")[0]) if server.ranges else 0
            server.asked.append(Asked(self.path, start, self.headers.get("User-Agent", "")))
            if server.status is not None or not path.is_file():
                self.send_error(server.status or 404)
                return
            body = path.read_bytes()
            if start and start >= len(body):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            self.send_header("Content-Type", "text/html" if path.suffix == ".html" else "application/zip")
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            self.end_headers()
            self._send(body[start:], whole=path.suffix == ".html")

        def _send(self, body: bytes, whole: bool) -> None:
            limit = None if whole else server.cut_after or server.stall_after
            self.wfile.write(body[:limit])
            self.wfile.flush()
            if not whole and server.stall_after:
                server.stop.wait(30)
            self.close_connection = True

    return Handler
