"""Versions of the model server, by label and by number."""

import asyncio
import time
from contextlib import contextmanager

import pytest

from gateway.model_server import ModelServer
from pipeline.config.gateway import GatewayConfig
from serving.client import NotServedError, UnavailableError
from tests.serving.client.real_server import grpc_address, serve
from tests.serving.server.half_plus_two import write_half_plus_two

pytestmark = pytest.mark.slow

SECONDS = 120
CONFIG = """
model_config_list {{
  config {{
    name: "{name}"
    base_path: "{folder}"
    model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
    version_labels {{ key: "stable" value: 2 }}
  }}
}}
"""


@contextmanager
def _served(folder, name):
    """Yields the address of a server with two versions of a model."""
    for version in (2, 5):
        write_half_plus_two(folder / "model" / str(version))
    models = folder / "models.config"
    models.write_text(CONFIG.format(name=name, folder=folder / "model"))
    with serve(models_config=models) as server:
        end = time.monotonic() + SECONDS
        while server.manager.available(name) != [2, 5]:  # it takes calls when it has one
            assert time.monotonic() < end
            time.sleep(0.05)
        yield grpc_address(server)


def _number_of(address, asked):
    async def main():
        models = ModelServer(GatewayConfig(server=address, deadline_ms=1000 * SECONDS), {})
        try:
            return await models.number_of(asked)
        finally:
            await models.close()

    return asyncio.run(main())


def test_a_version_has_a_number(tmp_path):
    with _served(tmp_path, "recommender") as address:
        assert [_number_of(address, asked) for asked in ("stable", None, 2, 5)] == [2, 5, 2, 5]
        with pytest.raises(NotServedError, match="there is no version 4; versions: 2, 5"):
            _number_of(address, 4)
        with pytest.raises(NotServedError, match="there is no label canary; versions: 2, 5"):
            _number_of(address, "canary")


def test_a_server_of_something_else_is_none_that_can_be_asked(tmp_path):
    with _served(tmp_path, "something_else") as address, pytest.raises(NotServedError, match="recommender"):
        _number_of(address, 2)


def test_without_a_server_there_is_no_number():
    with pytest.raises(UnavailableError):
        _number_of("127.0.0.1:1", 2)
