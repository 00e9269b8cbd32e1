"""As much of the API of Kubeflow Pipelines as its client needs to start a run; it notes what is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

EXPERIMENT = {"experiment_id": "e1", "display_name": "checkerboard"}


class _Handler(BaseHTTPRequestHandler):
    """Answers with the experiment and the run."""

    def do_GET(self) -> None:
        if "experiments" in self.path:
            self._answer({"experiments": [EXPERIMENT]})
        else:
            self._answer({"multi_user": False})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        if self.server.refusal is not None:
            self._answer({"error": self.server.refusal}, 400)
        else:
            self._answer({"run_id": "r1", **EXPERIMENT})

    def _answer(self, content: dict, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def kubeflow_api() -> Iterator[ThreadingHTTPServer]:
    """A server with `asked`, pairs of path and body, and `refusal`, what runs are refused with."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.asked, server.refusal = [], None
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
