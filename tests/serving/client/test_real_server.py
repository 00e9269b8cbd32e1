"""The clients against our server."""

import asyncio

import numpy as np
import pytest

from serving.client import (
    AsyncGrpcClient,
    AsyncRestClient,
    BadRequestError,
    ClientOptions,
    GrpcClient,
    MicroBatcher,
    NotServedError,
    RestClient,
    Tls,
    UnavailableError,
)
from serving.client.model import TensorSpec
from tests.serving.client.certificates import write_certificates
from tests.serving.client.real_server import grpc_address, rest_url, serve, write_models
from tests.serving.server.echo_model import TYPES

X = {"x": np.float32([[2], [5]])}


@pytest.fixture(scope="module")
def models_config(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def served(models_config):
    with serve(models_config=models_config) as served:
        yield served


@pytest.fixture(params=["grpc", "rest"])
def client(request, served):
    made = GrpcClient(grpc_address(served)) if request.param == "grpc" else RestClient(rest_url(served))
    with made as client:
        yield client


def test_predict(client):
    assert client.predict("half_plus_two", X, outputs=["y"])["y"].tolist() == [[4.0], [5.5]]
    by_version = client.predict("half_plus_two", X, version=1, outputs=["y"])
    by_label = client.predict("half_plus_two", X, label="stable", outputs=["y"])
    assert by_version["y"].tolist() == by_label["y"].tolist() == [[3.0], [4.5]]
    assert by_version.version == 1


def test_an_answer_over_grpc_says_which_version_it_is_of(served):
    with GrpcClient(grpc_address(served)) as grpc_client, RestClient(rest_url(served)) as rest_client:
        for asked, answered in (({}, 2), ({"label": "stable"}, 1), ({"version": 2}, 2)):
            assert grpc_client.predict("half_plus_two", X, **asked).version == answered
            assert rest_client.predict("half_plus_two", X, **asked).version == asked.get("version")


def test_several_outputs_and_a_filter(client):
    inputs = {"a": np.float32([1.5, np.inf]), "b": ["ä", b"\xff\x00"]}
    outputs = client.predict("echo", inputs, signature="several")
    assert outputs["a"].tolist() == [1.5, np.inf]
    assert outputs["b"].tolist() == ["ä".encode(), b"\xff\x00"]
    assert list(client.predict("echo", inputs, signature="several", outputs=["a"])) == ["a"]


def test_bytes_come_back_under_names_that_say_so(client):
    outputs = client.predict("echo", {"x": ["a", "b\x00"]}, signature="text")
    assert outputs["x_bytes"].tolist() == outputs["x"].tolist() == [b"a", b"b\x00"]


@pytest.mark.parametrize("shape", [(1, 0), (2, 0)])
def test_empty_lists_keep_their_rows(client, shape):
    empty = np.empty(shape, np.object_)
    outputs = client.predict("echo", {"x": empty}, signature="type_string", outputs=["y"])
    assert outputs["y"].shape == shape


def test_status(client):
    newest, oldest = client.status("half_plus_two")
    assert (newest.version, oldest.version) == (2, 1)
    assert (newest.state, newest.code.name, newest.message) == ("AVAILABLE", "OK", "")
    assert [status.version for status in client.status("half_plus_two", label="stable")] == [1]


def test_metadata(client):
    metadata = client.metadata("half_plus_two", version=1)
    assert (metadata.name, metadata.version) == ("half_plus_two", 1)
    signature = metadata.signatures["serving_default"]
    assert signature.inputs == {"x": TensorSpec("DT_FLOAT", (None, 1))}
    assert signature.outputs == {"y": TensorSpec("DT_FLOAT", (None, 1))}
    assert signature.method_name == "tensorflow/serving/predict"


def test_errors(client):
    with pytest.raises(NotServedError, match="Servable not found for request"):
        client.predict("nothing", X)
    with pytest.raises(NotServedError, match="Servable not found for request"):
        client.predict("half_plus_two", X, version=7)
    with pytest.raises(BadRequestError, match="Unrecognized servable version label"):
        client.predict("half_plus_two", X, label="canary")
    with pytest.raises(BadRequestError):
        client.predict("half_plus_two", X, signature="nothing")
    with pytest.raises(BadRequestError):
        client.predict("half_plus_two", {"z": np.float32([1])})


@pytest.mark.parametrize("name", [name for name in TYPES if name != "bfloat16"])
def test_every_type_over_grpc(name, served):
    values = np.array([b"a", b"\xff\x00"], np.object_) if name == "string" else np.array([0, 1]).astype(name)
    with GrpcClient(grpc_address(served)) as client:
        answer = client.predict("echo", {"x": values}, signature=f"type_{name}")["y"]
    np.testing.assert_array_equal(answer, values, strict=True)


@pytest.mark.parametrize("kind", [AsyncGrpcClient, AsyncRestClient])
def test_awaited_and_joined(kind, served):
    async def run():
        async with kind(grpc_address(served) if kind is AsyncGrpcClient else rest_url(served)) as client:
            batcher = MicroBatcher(client, max_batch_size=10, max_delay=0.1)
            calls = [
                batcher.predict("half_plus_two", {"x": np.float32([[i]])}, outputs=["y"]) for i in range(30)
            ]
            answers = await asyncio.gather(*calls)
            await batcher.close()
            return answers, await client.status("half_plus_two"), await client.metadata("half_plus_two")

    answers, statuses, metadata = asyncio.run(run())
    assert [answer["y"].item() for answer in answers] == [i / 2 + 3 for i in range(30)]
    assert [status.version for status in statuses] == [2, 1]
    assert metadata.version == 2


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return write_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize("mutual", [False, True])
def test_encrypted(mutual, models_config, certificates):
    pem = certificates
    options = {"models_config": models_config, "tls_certificate": pem.server, "tls_key": pem.server_key}
    own = {"cert_file": pem.client, "key_file": pem.client_key}
    good = ClientOptions(timeout=20, tls=Tls(ca_file=pem.ca, **(own if mutual else {})))
    bad = ClientOptions(timeout=20, tls=Tls(ca_file=pem.ca) if mutual else Tls())
    with serve(**options, tls_client_ca=pem.ca if mutual else None) as server:
        grpc, rest = grpc_address(server), rest_url(server, "https")
        for client in (GrpcClient(grpc, good), RestClient(rest, good)):
            with client:
                assert client.predict("half_plus_two", X, outputs=["y"])["y"].tolist() == [[4.0], [5.5]]
        for client in (GrpcClient(grpc, bad), RestClient(rest, bad)):
            with client, pytest.raises(UnavailableError):
                client.predict("half_plus_two", X)
        asyncio.run(_ask_encrypted(AsyncGrpcClient, grpc, good, bad))
        asyncio.run(_ask_encrypted(AsyncRestClient, rest, good, bad))


async def _ask_encrypted(kind, address, good, bad):
    async with kind(address, good) as client:
        assert (await client.predict("half_plus_two", X, outputs=["y"]))["y"].tolist() == [[4.0], [5.5]]
    async with kind(address, bad) as client:
        with pytest.raises(UnavailableError):
            await client.predict("half_plus_two", X)
