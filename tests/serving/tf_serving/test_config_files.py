"""How `models.config` changes, so that a server which looks at it from time to time takes new versions."""

import json
import logging
import time

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from pipeline.config.serving import ServingConfig
from pipeline.progress import PROGRESS_LOGGER
from serving.layout import MODELS, models_dir
from serving.push import push
from serving.tf_serving import config_files
from serving.tf_serving.config_files import models_config_file, write_models_configs, write_settings
from tests.serving.client.real_server import grpc_address, serve
from tests.serving.pushed import write_export
from tests.serving.server.half_plus_two import write_half_plus_two

FOLLOWED = ServingConfig(reload_seconds=5.0)
PATIENCE = 60


@pytest.fixture
def pauses(monkeypatch):
    """The seconds of each pause, and what is called in it."""

    class Pauses(list):
        def __init__(self):
            self.then = lambda: None

        def sleep(self, seconds):
            self.append(seconds)
            self.then()

    pauses = Pauses()
    monkeypatch.setattr(config_files, "sleep", pauses.sleep)
    return pauses


def _read(bundle, variant="exact"):
    """Versions and labels of the first model; the others are told the same."""
    config = text_format.Parse(models_config_file(bundle, variant).read_text(), ModelServerConfig())
    said = {
        (tuple(model.model_version_policy.specific.versions), tuple(sorted(model.version_labels.items())))
        for model in config.model_config_list.config
    }
    (only,) = said
    return list(only[0]), dict(only[1])


def test_a_push_shows_the_version_then_the_label(tmp_path, pauses, caplog):
    caplog.set_level(logging.INFO, PROGRESS_LOGGER)
    seen = []
    pauses.then = lambda: seen.append((_read(tmp_path / "b", "exact"), _read(tmp_path / "b", "scann")))
    push(write_export(tmp_path / "1", "one"), tmp_path / "b", settings=FOLLOWED)
    assert not pauses  # nobody serves it yet
    push(write_export(tmp_path / "2", "two"), tmp_path / "b", settings=FOLLOWED)
    assert pauses == [10.0]
    assert "its label follows in 10 s" in caplog.text
    assert seen == [(([1, 2], {"stable": 1, "canary": 1}),) * 2]
    assert _read(tmp_path / "b") == ([1, 2], {"stable": 1, "canary": 2})
    seen.clear()
    push(write_export(tmp_path / "3", "three"), tmp_path / "b", settings=FOLLOWED)
    assert seen == [(([1, 2, 3], {"stable": 1, "canary": 2}),) * 2]
    assert _read(tmp_path / "b") == ([1, 3], {"stable": 1, "canary": 3})


def test_a_label_waits_only_for_a_version_that_has_none(tmp_path, pauses):
    for number in (1, 2, 3):
        push(write_export(tmp_path / str(number), str(number)), tmp_path / "b", settings=FOLLOWED)
    pauses.clear()
    write_models_configs(tmp_path / "b")
    assert not pauses
    (tmp_path / "b" / "serving" / "labels.json").write_text(json.dumps({"stable": 3, "canary": 3}))
    write_models_configs(tmp_path / "b")
    assert not pauses
    assert _read(tmp_path / "b") == ([3], {"stable": 3, "canary": 3})
    (tmp_path / "b" / "serving" / "labels.json").write_text(json.dumps({"stable": 2, "canary": 3}))
    pauses.then = lambda: seen.append(_read(tmp_path / "b"))
    seen = []
    write_models_configs(tmp_path / "b")
    assert seen == [([3, 2], {"stable": 3, "canary": 3})]
    assert _read(tmp_path / "b") == ([2, 3], {"stable": 2, "canary": 3})


def test_without_the_setting_nothing_waits(tmp_path, pauses):
    for number in (1, 2):
        push(write_export(tmp_path / str(number), str(number)), tmp_path / "b")
    assert not pauses
    assert _read(tmp_path / "b") == ([1, 2], {"stable": 1, "canary": 2})


def test_a_push_that_was_killed_in_the_pause_is_ended_by_the_next(tmp_path, pauses):
    push(write_export(tmp_path / "1", "one"), tmp_path / "b", settings=FOLLOWED)

    def killed():
        raise KeyboardInterrupt

    pauses.then = killed
    with pytest.raises(KeyboardInterrupt):
        push(write_export(tmp_path / "2", "two"), tmp_path / "b", settings=FOLLOWED)
    assert _read(tmp_path / "b") == ([1, 2], {"stable": 1, "canary": 1})
    pauses.clear()
    assert push(tmp_path / "2", tmp_path / "b", settings=FOLLOWED) == 2
    assert not pauses  # servers had time to see the version
    assert _read(tmp_path / "b") == ([1, 2], {"stable": 1, "canary": 2})


def test_a_damaged_file_is_written_anew(tmp_path, pauses):
    push(write_export(tmp_path / "1", "one"), tmp_path / "b", settings=FOLLOWED)
    models_config_file(tmp_path / "b", "exact").write_text("model_config_list {")
    push(write_export(tmp_path / "2", "two"), tmp_path / "b", settings=FOLLOWED)
    assert _read(tmp_path / "b") == ([1, 2], {"stable": 1, "canary": 2})


@pytest.fixture
def bundle(tmp_path):
    """Models of two versions; both labels are on the first."""
    for version in (1, 2):
        for model in MODELS:
            write_half_plus_two(models_dir(tmp_path, "exact") / model / str(version), offset=float(version))
    (tmp_path / "serving").mkdir()
    _label(tmp_path, 1, 1)
    write_settings(tmp_path, FOLLOWED)
    write_models_configs(tmp_path)
    return tmp_path


def _label(bundle, stable, canary):
    (bundle / "serving" / "labels.json").write_text(json.dumps({"stable": stable, "canary": canary}))


def test_a_server_that_looks_at_the_file_follows_and_one_that_sees_the_end_alone_refuses(bundle, pauses):
    config = models_config_file(bundle, "exact")
    with serve(models_config=config) as server, grpc.insecure_channel(grpc_address(server)) as channel:
        models = model_service_pb2_grpc.ModelServiceStub(channel)

        def look():
            request = model_management_pb2.ReloadConfigRequest()
            text_format.Parse(config.read_text(), request.config)
            models.HandleReloadConfigRequest(request)

        def loaded():
            request = get_model_status_pb2.GetModelStatusRequest()
            request.model_spec.name = "recommender"
            statuses = models.GetModelStatus(request).model_version_status
            return {status.version for status in statuses if status.state == status.AVAILABLE}

        def labelled(label):
            with server.manager.lease("recommender", label=label) as servable:
                return servable.version

        _label(bundle, 1, 2)
        before = config.read_text()
        write_models_configs(bundle)
        with pytest.raises(grpc.RpcError) as refused:
            look()
        assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert loaded() == {1}

        config.write_text(before)
        pauses.then = look
        write_models_configs(bundle)
        _wait_until(lambda: loaded() == {1, 2})
        assert (labelled("stable"), labelled("canary")) == (1, 1)
        look()
        assert (labelled("stable"), labelled("canary")) == (1, 2)


def _wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
