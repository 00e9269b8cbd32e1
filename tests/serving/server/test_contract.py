"""The contract of TensorFlow Serving, case by case, over REST and gRPC."""

import json

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.server.manager_options import ManagerOptions
from serving.server.model_manager import ModelManager
from tests.serving.server.contract_cases import GRPC, REST
from tests.serving.server.echo_model import write_echo_model
from tests.serving.server.grpc_requests import told
from tests.serving.server.half_plus_two import write_half_plus_two
from tests.serving.server.open_server import PATIENCE, open_server

CONFIG = """model_config_list {{
  config {{
    name: "half_plus_two" base_path: "{root}/half_plus_two" model_platform: "tensorflow"
    version_labels {{ key: "stable" value: 123 }}
  }}
  config {{ name: "echo" base_path: "{root}/echo" model_platform: "tensorflow" }}
}}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    write_half_plus_two(root / "half_plus_two" / "00000123")
    write_echo_model(root / "echo" / "1")
    config = text_format.Parse(CONFIG.format(root=root), model_server_config_pb2.ModelServerConfig())
    manager = ModelManager(config, ManagerOptions(file_system_poll_wait_seconds=0.1))
    manager.start(PATIENCE)
    with open_server(manager) as opened:
        yield opened
    manager.stop()


def _number(cases):
    return [f"{case.row}-{index}" for index, case in enumerate(cases)]


def test_the_table_has_every_case():
    assert {case.row for case in [*REST, *GRPC]} == set(range(1, 27))


@pytest.mark.parametrize("case", REST, ids=_number(REST))
def test_rest(server, case):
    if case.body is None:
        response = server.rest.get(case.path)
    else:
        body = case.body if isinstance(case.body, str) else json.dumps(case.body)
        response = server.rest.post(case.path, content=body)
    assert response.status_code == case.status, response.text
    assert response.headers["content-type"] == "application/json"
    if response.status_code != 200:
        assert list(response.json()) == ["error"]
        assert case.answer in response.json()["error"]
    elif isinstance(case.answer, str):
        assert response.text == case.answer
    else:
        assert response.json() == case.answer


@pytest.mark.parametrize("case", GRPC, ids=_number(GRPC))
def test_grpc(server, case):
    stub = server.model if case.method == "GetModelStatus" else server.prediction
    call = getattr(stub, case.method)
    if case.status is None:
        assert told(call(case.request, timeout=PATIENCE)) == case.answer
        return
    with pytest.raises(grpc.RpcError) as caught:
        call(case.request, timeout=PATIENCE)
    assert caught.value.code() is case.status
    assert case.answer in caught.value.details()


def test_an_answer_tells_what_answered(server):
    request = next(case.request for case in GRPC if case.method == "Predict")
    spec = server.prediction.Predict(request).model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("half_plus_two", 123, "serving_default")


def test_outside_of_the_interface_there_is_nothing(server):
    assert server.rest.get("/statuspage").status_code == 404
    assert server.rest.put("/v1/models/half_plus_two").json() == {
        "error": "Malformed request: PUT /v1/models/half_plus_two"
    }


def test_metadata_over_rest_is_laid_out_as_two_protos(server):
    response = server.rest.get("/v1/models/half_plus_two/versions/123/metadata")
    assert response.status_code == 200
    assert response.text.startswith('{\n"model_spec":{\n "name": "half_plus_two",\n')
    answer = response.json()
    assert answer["model_spec"] == {"name": "half_plus_two", "signature_name": "", "version": "123"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["method_name"] == "tensorflow/serving/predict"
    x = signatures["serving_default"]["inputs"]["x"]
    assert x["dtype"] == "DT_FLOAT"
    assert x["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}, {"size": "1", "name": ""}]
