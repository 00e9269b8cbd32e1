"""What bounds a call over either interface: time, size, number; and a change of the whole configuration."""

import gzip
import json
import threading

import grpc
import httpx
import pytest
import tensorflow as tf
from tensorflow_serving.apis import model_management_pb2

from serving.server.manager_options import ManagerOptions
from serving.server.model_config import single_model_config
from serving.server.model_manager import ModelManager
from serving.server.request_body import MAX_UNPACKED_BYTES, unpacked
from tests.serving.server import grpc_requests as ask
from tests.serving.server.echo_model import TYPES, write_echo_model
from tests.serving.server.open_server import PATIENCE, open_server

PREDICT = "/v1/models/echo:predict"
MAX_BODY = 2**20


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    base = tmp_path_factory.mktemp("echo")
    write_echo_model(base / "1")
    return single_model_config("echo", base)


@pytest.fixture(scope="module")
def server(config):
    manager = ModelManager(config, ManagerOptions(file_system_poll_wait_seconds=0.1))
    manager.start(PATIENCE)
    with open_server(manager, timeout=1.0, max_calls=2, max_body_bytes=MAX_BODY) as opened:
        yield opened
    manager.stop()


def _slow(milliseconds):
    tensor = tf.make_tensor_proto(milliseconds, tf.int32)
    return ask.predict("echo", {"x": tensor}, signature="slow")


def _post(server, body, **headers):
    return server.rest.post(PREDICT, content=body, headers=headers)


def test_a_packed_body_is_unpacked(server):
    body = gzip.compress(b'{"instances": [1.5]}')
    assert _post(server, body, **{"content-encoding": "gzip"}).json() == {"predictions": [1.5]}


@pytest.mark.parametrize("body", [b"not packed", gzip.compress(b"{}")[:-9]], ids=["not packed", "cut short"])
def test_a_broken_packed_body_is_an_empty_document(server, body):
    response = _post(server, body, **{"content-encoding": "gzip"})
    assert response.status_code == 400
    assert response.json() == {"error": "JSON Parse error: The document is empty"}


def test_a_bomb_does_not_go_off(server):
    bomb = gzip.compress(b" " * (MAX_UNPACKED_BYTES + 1))
    assert len(bomb) < MAX_BODY
    assert _post(server, bomb, **{"content-encoding": "gzip"}).status_code == 400
    assert unpacked(gzip.compress(b"abc"), 3) == b"abc"
    assert unpacked(gzip.compress(b"abcd"), 3) == b""


def test_a_large_body_is_refused(server):
    response = _post(server, b" " * (MAX_BODY + 1))
    assert response.status_code == 413
    assert response.json() == {"error": f"The body has more than {MAX_BODY} bytes"}


def test_a_call_ends_in_time_over_grpc(server):
    with pytest.raises(grpc.RpcError) as caught:
        server.prediction.Predict(_slow(3000), timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_too_many_calls_and_too_long_ones_over_rest(server):
    body = json.dumps({"signature_name": "slow", "inputs": 3000})
    statuses = []

    def call():
        statuses.append(
            httpx.post(f"{server.rest.base_url}{PREDICT}", content=body, timeout=PATIENCE).status_code
        )

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) == {503, 504}


def test_every_type_goes_through(server):
    for name in TYPES:
        value = [b"a", b""] if name == "string" else [0, 1]
        array = tf.constant(value, tf.string) if name == "string" else tf.cast(value, name)
        request = ask.predict("echo", {"x": tf.make_tensor_proto(array)}, signature=f"type_{name}")
        answer = server.prediction.Predict(request).outputs["y"]
        assert answer.dtype == array.dtype.as_datatype_enum
        assert tf.make_ndarray(answer).tolist() == array.numpy().tolist()


def test_a_configuration_is_replaced_or_refused(server, config):
    request = model_management_pb2.ReloadConfigRequest()
    with pytest.raises(grpc.RpcError) as caught:
        server.model.HandleReloadConfigRequest(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "Only ModelConfigList is currently supported" in caught.value.details()
    request.config.CopyFrom(config)
    response = server.model.HandleReloadConfigRequest(request)
    assert (response.status.error_code, response.status.error_message) == (0, "")


def test_names_of_thousands_of_letters_come_back_short(server):
    request = ask.predict("echo", {"x" * 100_000: [1.0]})
    with pytest.raises(grpc.RpcError) as caught:
        server.prediction.Predict(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(caught.value.details()) <= 2000


@pytest.mark.parametrize("name", ["Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata"])
def test_bytes_that_are_no_request_are_the_callers_fault(server, name):
    with grpc.insecure_channel(server.grpc_address) as channel:
        call = channel.unary_unary(f"/tensorflow.serving.PredictionService/{name}")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"\xff\xff\xff", timeout=PATIENCE)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
