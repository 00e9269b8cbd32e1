"""Amazon's storage protocol on this machine, for tests; the server has an environment of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from benchmarks.peers.environments import Environments
from pipeline.locking import exclusive
from tests.pipeline.runners.servers import await_server, free_port

_BUCKET = "recstack-test"


@contextmanager
def amazon_storage(environments: Path) -> Iterator[str]:
    """Runs a server with Amazon's protocol, in memory, until the block ends.

    Args:
      environments: Folder that keeps its environment.

    Yields:
      Address of its bucket.
    """
    with exclusive(environments / "lock"):  # two files of tests may want it at once
        python = Environments(environments, requirements=Path(__file__).parent / "independent").python("moto")
    port = free_port()
    command = [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    host = f"http://127.0.0.1:{port}"
    variables = {
        "AWS_ENDPOINT_URL": host,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        await_server(f"{host}/moto-api/", process)
        with patch.dict(os.environ, variables):
            from s3fs import S3FileSystem

            S3FileSystem.clear_instance_cache()
            S3FileSystem().mkdir(_BUCKET)
            yield f"s3://{_BUCKET}"
            S3FileSystem.clear_instance_cache()
    finally:
        process.kill()
        process.wait()
