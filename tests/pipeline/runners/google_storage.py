"""Google's storage protocol on this machine, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from tests.pipeline.runners.servers import await_server, free_port

_BUCKET = "recstack-test"


@dataclass(frozen=True)
class GoogleStorage:
    """A running emulator.

    Attributes:
      uri: Of its bucket.
      environment: Variables by which clients find it; set in this process as well.
    """

    uri: str
    environment: dict[str, str]


@contextmanager
def google_storage() -> Iterator[GoogleStorage]:
    """Runs an emulator of Google Cloud Storage, in memory, until the block ends."""
    port = free_port()
    command = [sys.executable, Path(__file__).with_name("storage_emulator.py"), str(port), _BUCKET]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    host = f"http://127.0.0.1:{port}"
    variables = {"STORAGE_EMULATOR_HOST": host, "FSSPEC_GCS_TOKEN": "anon"}
    try:
        await_server(f"{host}/storage/v1/b/{_BUCKET}/o", process)
        with patch.dict(os.environ, variables), _without_remembered_clients():
            yield GoogleStorage(f"gs://{_BUCKET}", variables)
    finally:
        process.kill()
        process.wait()


@contextmanager
def _without_remembered_clients() -> Iterator[None]:
    """fsspec reads the environment when it is imported, and keeps its clients."""
    from fsspec.config import conf
    from gcsfs import GCSFileSystem

    GCSFileSystem.clear_instance_cache()
    with patch.dict(conf, {"gs": {"token": "anon"}, "gcs": {"token": "anon"}}):
        yield
    GCSFileSystem.clear_instance_cache()
