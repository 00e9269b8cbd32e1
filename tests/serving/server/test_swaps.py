"""Versions that change, labels that move and a server that stops, while callers never pause."""

import logging
import os
import shutil
import subprocess
import sys
import threading
import time

import grpc
import httpx
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

from benchmarks.server_process import ROOT, server_process
from serving.layout import MODELS, versions
from serving.push import push
from tests.serving.server import grpc_requests as ask
from tests.serving.server.contract_cases import HPT
from tests.serving.server.echo_model import write_echo_model
from tests.serving.server.half_plus_two import write_half_plus_two
from tests.serving.server.load import load_on
from tests.serving.small_bundle import write_small_bundle
from tests.serving.test_push_killed import KILLED_AT_ANY_TIME

pytestmark = pytest.mark.slow
logger = logging.getLogger(__name__)

SWAPS = 100
AVAILABLE = get_model_status_pb2.ModelVersionStatus.AVAILABLE
END = get_model_status_pb2.ModelVersionStatus.END
CONFIG = """model_config_list {{ config {{
  name: "half_plus_two" base_path: "{base}" model_platform: "tensorflow"
  model_version_policy {{ latest {{ num_versions: 2 }} }}
  version_labels {{ key: "stable" value: {stable} }}
}} }}"""


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model"
    write_half_plus_two(path)
    return path


@pytest.fixture
def base(export, tmp_path):
    """The folder of the versions, with the first one."""
    base = tmp_path / "half_plus_two"
    base.mkdir()
    add(export, base, 1)
    return base


def add(export, base, version):
    """A version appears whole."""
    staged = base.with_name(f"staged-{version}")
    shutil.copytree(export, staged)
    staged.rename(base / str(version))


def config_of(base, stable):
    text = CONFIG.format(base=base, stable=stable)
    return text_format.Parse(text, model_server_config_pb2.ModelServerConfig())


def move_label(models, base, version):
    request = model_management_pb2.ReloadConfigRequest(config=config_of(base, version))
    assert models.HandleReloadConfigRequest(request, timeout=30).status.error_code == 0


def wait_for(models, version, state):
    end = time.monotonic() + 60
    while True:
        states = {
            one.version: one.state for one in models.GetModelStatus(ask.status(HPT)).model_version_status
        }
        if states.get(version) == state:
            return
        assert time.monotonic() < end, states
        time.sleep(0.01)


def test_a_hundred_hot_swaps_and_roll_backs_fail_no_call(export, base, tmp_path):
    config = tmp_path / "models.config"
    config.write_text(CONFIG.format(base=base, stable=1))
    with (
        server_process("--models-config", config, "--poll", 0.05) as server,
        grpc.insecure_channel(server.grpc) as channel,
    ):
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        with load_on(server, "stable") as load:
            load.went_on()
            warm = server.resident_bytes
            for version in range(2, SWAPS + 2):
                add(export, base, version)
                wait_for(models, version, AVAILABLE)
                for stable in (version, version - 1, version) if version % 10 == 0 else (version,):
                    move_label(models, base, stable)  # forward, or back and forward again
                if version > 2:
                    shutil.rmtree(base / str(version - 2), ignore_errors=True)
                    wait_for(models, version - 2, END)
                if version % 10 == 0:
                    load.went_on()
            load.went_on()
        grown = server.resident_bytes - warm
    seen = {name: len(versions) for name, versions in load.versions.items()}
    told = f"{dict(load.calls)} calls, {seen} versions, {grown >> 20} MB more"
    logger.info("%s", told)
    assert not load.failures, told
    assert len(load.calls) == 4, told
    assert min(seen["grpc newest"], seen["grpc stable"]) > SWAPS * 0.8, told
    assert grown < 100 * 2**20, told


def test_calls_under_way_end_well_on_sigterm_and_later_ones_are_refused(tmp_path):
    write_echo_model(tmp_path / "echo" / "1")
    with server_process("--base-path", tmp_path / "echo", "--model-name", "echo") as server:
        outcomes, told = [], []
        callers = [
            threading.Thread(target=call_until_refused, args=(make(server), outcomes))
            for make in (over_grpc, over_rest)
            for _ in range(4)
        ]
        for caller in callers:
            caller.start()
        while sum(error is None for *_, error in outcomes) < 8:
            time.sleep(0.01)
        told.append(time.monotonic())
        assert server.stop() == 0
        took = time.monotonic() - told[0]
        for caller in callers:
            caller.join()
    # Those that were under way for long enough that the server must have had them.
    under_way = [error for start, end, error in outcomes if start < told[0] - 0.1 and end > told[0]]
    assert len(under_way) >= 4
    assert not any(under_way)
    refusals = [error for *_, error in outcomes if error is not None]
    assert len(refusals) == 8
    codes = {error.code() for error in refusals if isinstance(error, grpc.RpcError)}
    assert codes <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert took < 30
    logger.info("%d calls under way, stopped in %.1f s", len(under_way), took)


def call_until_refused(call, outcomes):
    """Notes when each call began and ended, and with which error."""
    error = None
    while error is None:
        start = time.monotonic()
        try:
            call()
        except (grpc.RpcError, httpx.TransportError) as raised:
            error = raised
        outcomes.append((start, time.monotonic(), error))


def over_grpc(server):
    channel = grpc.insecure_channel(server.grpc)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = ask.predict("echo", {"x": tf.make_tensor_proto(200)}, signature="slow")

    return lambda: stub.Predict(request, timeout=60)


def over_rest(server):
    body = {"signature_name": "slow", "inputs": 200}

    def call():
        response = httpx.post(f"http://{server.rest}/v1/models/echo:predict", json=body, timeout=60)
        assert response.status_code == 200

    return call


def test_a_server_loads_whole_versions_only_while_pushes_are_killed(tmp_path):
    bundles = [write_small_bundle(tmp_path / name, seed=seed) for seed, name in enumerate("ab")]
    served = tmp_path / "served"
    push(bundles[0], served)
    options = ["--bundle", served, "--variant", "exact", "--poll", 0.02, "--load-retries", 0]
    command = [sys.executable, "-c", KILLED_AT_ANY_TIME, *map(str, bundles), str(served)]
    seen = set()

    def look():
        """Whether every model answers from the newest version; no state may tell of a failed load."""
        newest = max(versions(served))
        answering = 0
        for model in MODELS:
            states = models.GetModelStatus(ask.status(model), timeout=60).model_version_status
            assert not [one for one in states if one.status.error_code], states
            available = {one.version for one in states if one.state == AVAILABLE}
            assert available
            seen.update(available)
            answering += newest in available
        return answering == len(MODELS)

    with (
        server_process(*options) as server,
        grpc.insecure_channel(server.grpc) as channel,
        subprocess.Popen(command, cwd=ROOT, env=os.environ) as pushing,
    ):
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        while pushing.poll() is None:
            look()
            time.sleep(0.02)
        assert pushing.returncode == 0
        assert len(versions(served)) > 2
        push(bundles[0], served)  # ends what the last kill may have left half done
        deadline = time.monotonic() + 120
        while not look():
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert len(seen) > 1
