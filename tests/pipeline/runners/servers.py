"""Servers that tests start."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.request

_SECONDS = 180


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def await_server(url: str, process: subprocess.Popen[bytes]) -> None:
    """Waits until a server answers.

    Raises:
      RuntimeError: It has ended, or takes too long.
    """
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"nobody answers at {url}")
