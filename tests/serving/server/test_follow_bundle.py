"""A server of a bundle follows its pushes and its labels."""

import json
import time

import pytest

from pipeline.errors import InputError
from serving.layout import MODELS, models_dir
from serving.server.manager_options import ManagerOptions
from serving.server.server import Server
from serving.server.server_options import ServerOptions
from tests.serving.server.half_plus_two import write_half_plus_two

PATIENCE = 30


@pytest.fixture
def bundle(tmp_path):
    """A folder as servers see it: models with versions, and labels."""
    for version in (1, 2):
        for model in MODELS:
            write_half_plus_two(models_dir(tmp_path, "exact") / model / str(version), offset=float(version))
    (tmp_path / "serving").mkdir()
    label(tmp_path, stable=1, canary=1)
    return tmp_path


def label(bundle, **labels):
    path = bundle / "serving" / "labels.json"
    path.with_suffix(".new").write_text(json.dumps(labels))
    path.with_suffix(".new").rename(path)


def labelled(server, name):
    with server.manager.lease("ranking", label=name) as servable:
        return servable.version


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_moved_labels_take_effect_by_themselves(bundle):
    options = ServerOptions(
        bundle=bundle,
        variant="exact",
        grpc_port=0,
        rest_port=0,
        manager=ManagerOptions(file_system_poll_wait_seconds=0.05),
    )
    server = Server(options)
    try:
        server.start()
        assert server.manager.names() == list(MODELS)
        assert (labelled(server, "stable"), labelled(server, "canary")) == (1, 1)
        label(bundle, stable=1, canary=2)
        wait_until(lambda: labelled(server, "canary") == 2)
        assert labelled(server, "stable") == 1
        label(bundle, stable=2, canary=2)
        wait_until(lambda: server.manager.available("ranking") == [2])
        label(bundle, stable=1, canary=1)  # back
        wait_until(lambda: labelled(server, "stable") == 1)
    finally:
        server.stop()


def test_a_folder_without_a_bundle_is_refused(tmp_path):
    with pytest.raises(InputError, match="no bundle stands in"):
        Server(ServerOptions(bundle=tmp_path, grpc_port=0, rest_port=0))
