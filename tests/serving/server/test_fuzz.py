"""10,000 bodies over REST and 10,000 messages over gRPC that are not as they should be.

The server, a process of its own, must answer each with a status that blames the caller, must go on to
answer the others, and must not keep memory. The draw is seeded, so that a failure can be had again.
"""

import collections
import http.client
import json
import random

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2, predict_pb2
from tensorflow_serving.config import model_server_config_pb2

from benchmarks.server_process import server_process
from tests.serving.server import grpc_requests as ask
from tests.serving.server.contract_cases import HPT
from tests.serving.server.echo_model import write_echo_model
from tests.serving.server.fuzz_json import json_calls
from tests.serving.server.fuzz_protobufs import PREDICTION, RELOAD, protobuf_calls
from tests.serving.server.half_plus_two import write_half_plus_two

pytestmark = pytest.mark.slow

CALLS, WARM = 10_000, 1_000
MAX_GROWTH = 1.05
# 501 is for a type that JSON has no values for; 503, too much at once.
REST_STATUSES = {200, 400, 404, 501, 503}
UNIMPLEMENTED = ("Conversion of JSON Value", "Unsupported signature method_name")
GRPC_CODES = {
    "OK",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "FAILED_PRECONDITION",
    "UNIMPLEMENTED",
    "UNAVAILABLE",
}
CONFIG = """model_config_list {{
  config {{
    name: "half_plus_two" base_path: "{root}/half_plus_two" model_platform: "tensorflow"
    version_labels {{ key: "stable" value: 123 }}
  }}
  config {{ name: "echo" base_path: "{root}/echo" model_platform: "tensorflow" }}
}}"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    write_half_plus_two(root / "half_plus_two" / "00000123")
    write_echo_model(root / "echo" / "1")
    (root / "models.config").write_text(CONFIG.format(root=root))
    return root / "models.config"


@pytest.fixture(scope="module")
def server(config):
    options = ["--models-config", config, "--load-retries", 0, "--poll", 0.2]
    with server_process(*options) as started:
        yield started


def check_flat(resident):
    """Memory after the first thousand calls, and in the end."""
    assert resident[-1] < resident[WARM // 1000] * MAX_GROWTH, str([size >> 20 for size in resident])


def test_rest(server):
    counts, resident = collections.Counter(), [server.resident_bytes]
    connection = http.client.HTTPConnection(server.rest, timeout=60)
    for number, (path, body) in enumerate(json_calls(random.Random(42), CALLS), start=1):
        connection.request("POST", path, body)
        response = connection.getresponse()
        answer = response.read()
        counts[response.status] += 1
        where = f"{number}: {path} {body[:500]!r} -> {response.status} {answer[:500]!r}"
        assert response.status in REST_STATUSES, where
        document = json.loads(answer.decode(errors="replace"))  # strings come back as they were sent
        assert response.status == 200 or list(document) == ["error"], where
        assert response.status != 501 or document["error"].startswith(UNIMPLEMENTED), where
        if number % 1000 == 0:
            resident.append(server.resident_bytes)
    connection.request("POST", f"/v1/models/{HPT}:predict", b'{"instances": [2]}')
    assert json.loads(connection.getresponse().read()) == {"predictions": [3.0]}
    assert min(counts[200], counts[400]) > CALLS // 20, counts  # neither all good nor all bad
    check_flat(resident)


def test_grpc(server, config):
    models = text_format.Parse(config.read_text(), model_server_config_pb2.ModelServerConfig())
    counts, resident = collections.Counter(), [server.resident_bytes]
    with grpc.insecure_channel(server.grpc) as channel:
        steps = as_it_was(models)
        for number, call in enumerate(protobuf_calls(random.Random(42), CALLS, models), start=1):
            method, content = call
            code, message = ask_raw(channel, method, content)
            where = f"{number}: {method} {content[:500]!r} -> {code} {message[:500]}"
            counts[code] += 1
            if method == RELOAD:
                restored = [ask_raw(channel, method, step) for step in steps]
                assert [code for code, _ in restored] == ["OK", "OK"], f"{where}: {restored}"
            if code not in GRPC_CODES:
                assert is_explained(method, code, message), where
            if number % 1000 == 0:
                resident.append(server.resident_bytes)
        answer = channel.unary_unary(f"{PREDICTION}/Predict")(
            ask.predict(HPT, {"x": [2.0]}).SerializeToString()
        )
        assert predict_pb2.PredictResponse.FromString(answer).outputs["y"].float_val == [3.0]
    assert min(counts["OK"], counts["INVALID_ARGUMENT"]) > CALLS // 20, counts
    check_flat(resident)


def as_it_was(models):
    """Requests that bring the models back, and then their labels, which only loaded versions may have."""
    plain = model_server_config_pb2.ModelServerConfig()
    plain.CopyFrom(models)
    for model in plain.model_config_list.config:
        model.version_labels.clear()
    requests = [model_management_pb2.ReloadConfigRequest(config=config) for config in (plain, models)]
    return [request.SerializeToString() for request in requests]


def ask_raw(channel, method, content):
    """Sends bytes; the code's name and the message."""
    try:
        channel.unary_unary(method)(content, timeout=60)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return "OK", ""


def is_explained(method, code, message):
    """Whether it is one of the codes that look as if the server were to blame, and are right all the same."""
    if code == "RESOURCE_EXHAUSTED":  # the client's own limit
        return "larger than max" in message
    return code == "UNKNOWN" and method == RELOAD and "did not become available" in message
