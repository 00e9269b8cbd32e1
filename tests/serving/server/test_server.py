"""The server from outside: ports, health, metrics, TLS, and a graceful stop."""

import json
import logging
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from pipeline.errors import InputError
from serving.server.json_logs import ACCESS_LOGGER, JsonFormatter
from serving.server.server import Server
from serving.server.server_options import ServerOptions
from tests.serving.server.half_plus_two import write_half_plus_two

ROOT = Path(__file__).resolve().parents[3]
URL = "/v1/models/half_plus_two:predict"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    path = tmp_path_factory.mktemp("half_plus_two")
    write_half_plus_two(path / "1")
    return path


@pytest.fixture(scope="module")
def monitoring(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "monitoring.config"
    path.write_text('prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }')
    return path


@pytest.fixture(scope="module")
def options(base, monitoring):
    return ServerOptions(
        base_path=base, model_name="half_plus_two", grpc_port=0, rest_port=0, monitoring_config=monitoring
    )


@pytest.fixture
def serve():
    """Starts servers, and stops them in the end."""
    started = []

    def start(options):
        server = Server(options)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="module")
def server(options):
    running = Server(options)
    running.start()
    yield running
    running.stop()


def post(server, rows=(2.0,), **kwargs):
    return httpx.post(f"http://127.0.0.1:{server.rest_port}{URL}", json={"instances": list(rows)}, **kwargs)


def predict(channel, rows=(2.0,), timeout=10.0):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "half_plus_two"
    request.inputs["x"].dtype = 1
    request.inputs["x"].tensor_shape.dim.add(size=len(rows))
    request.inputs["x"].float_val.extend(rows)
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=timeout)


def health(channel, service=""):
    request = health_pb2.HealthCheckRequest(service=service)
    return health_pb2_grpc.HealthStub(channel).Check(request, timeout=10).status


def test_both_interfaces_answer(server):
    assert post(server, (2, 3, 4)).json() == {"predictions": [3.0, 3.5, 4.0]}
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        assert np.allclose(predict(channel, (2, 3)).outputs["y"].float_val, [3.0, 3.5])
        for service in ("", "PredictionService", "ModelService"):
            assert health(channel, service) == health_pb2.HealthCheckResponse.SERVING


def test_metrics_have_tensorflow_servings_names_and_no_strangers(server):
    post(server)
    httpx.post(f"http://127.0.0.1:{server.rest_port}/v1/models/stranger:predict", json={"instances": [1]})
    page = httpx.get(f"http://127.0.0.1:{server.rest_port}/monitoring/prometheus/metrics").text
    assert ':tensorflow:serving:request_count{model_name="half_plus_two",status="OK"}' in page
    assert "# TYPE :tensorflow:serving:request_count counter" in page
    latency = ':tensorflow:serving:request_latency_bucket{API="Predict",entrypoint="REST",le="10.0"'
    assert latency in page
    buckets = [line for line in page.splitlines() if line.startswith(latency[:-5]) and "half_plus" in line]
    assert len(buckets) == 34  # 33 and +Inf
    assert "stranger" not in page


def test_a_call_is_one_line_of_json_without_what_was_asked(server, caplog):
    with caplog.at_level(logging.INFO, ACCESS_LOGGER):
        post(server, (41.5,))
    (record,) = [record for record in caplog.records if record.name == ACCESS_LOGGER]
    line = JsonFormatter().format(record)
    told = json.loads(line)
    assert told["milliseconds"] > 0
    assert (told["entrypoint"], told["api"], told["model"], told["status"]) == (
        "REST",
        "Predict",
        "half_plus_two",
        "OK",
    )
    assert "41.5" not in line


def test_a_port_that_is_taken_is_said(server, options):
    for port in ({"grpc_port": server.grpc_port}, {"rest_port": server.rest_port}):
        with pytest.raises(InputError, match="cannot listen on"):
            Server(options.model_copy(update=port))


def test_another_host_is_warned_of(options, serve, caplog):
    serve(options.model_copy(update={"host": "0.0.0.0"}))
    assert "use TLS" in caplog.text


def test_batched_calls_need_no_deadline(options, serve, tmp_path):
    parameters = tmp_path / "batching_parameters.txt"
    parameters.write_text("max_batch_size { value: 4 }\nallowed_batch_sizes: 4\n")
    server = serve(options.model_copy(update={"batching_parameters": parameters}))
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        assert predict(channel, timeout=None).outputs["y"].float_val[:] == [3.0]


def test_calls_under_way_end_well_when_the_server_stops(options):
    server = Server(options)
    server.start()
    answered, refused, failed = [], [], []

    def call(channel):
        while True:
            try:
                answered.append(predict(channel).outputs["y"].float_val[0])
            except grpc.RpcError as error:
                # Never begun: the port is closed, or gRPC had the call and nobody had taken it over yet.
                never_begun = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
                (refused if error.code() in never_begun else failed).append(error)
                return

    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        callers = [threading.Thread(target=call, args=(channel,)) for _ in range(4)]
        for caller in callers:
            caller.start()
        time.sleep(0.2)
        server.stop()
        for caller in callers:
            caller.join()
    assert not failed
    assert set(answered) == {3.0}
    assert len(refused) == 4
    with pytest.raises(httpx.ConnectError):
        post(server)


def _certificate(folder, name, authority=None, is_authority=False):
    """Writes a key and a certificate, signed by an authority's or by itself."""
    import datetime
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, signer = (authority[0].subject, authority[1]) if authority else (subject, key)
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, key


def test_tls_and_mutual_tls(options, serve, tmp_path):
    authority = _certificate(tmp_path, "authority", is_authority=True)
    for name in ("server", "client"):
        _certificate(tmp_path, name, authority)
    ca, server_files, client_files = (
        tmp_path / "authority.crt",
        (tmp_path / "server.crt", tmp_path / "server.key"),
        (tmp_path / "client.crt", tmp_path / "client.key"),
    )
    server = serve(
        options.model_copy(
            update={
                "tls_certificate": server_files[0],
                "tls_key": server_files[1],
                "tls_client_ca": ca,
            }
        )
    )
    url = f"https://127.0.0.1:{server.rest_port}{URL}"
    trusting = ssl.create_default_context(cafile=ca)
    with pytest.raises(httpx.TransportError):
        httpx.post(url, json={"instances": [2.0]}, verify=trusting)
    trusting.load_cert_chain(*client_files)
    answer = httpx.post(url, json={"instances": [2.0]}, verify=trusting)
    assert answer.json() == {"predictions": [3.0]}
    root = ca.read_bytes()
    credentials = grpc.ssl_channel_credentials(
        root, client_files[1].read_bytes(), client_files[0].read_bytes()
    )
    with grpc.secure_channel(f"127.0.0.1:{server.grpc_port}", credentials) as channel:
        assert predict(channel).outputs["y"].float_val == [3.0]
    with (
        grpc.secure_channel(f"127.0.0.1:{server.grpc_port}", grpc.ssl_channel_credentials(root)) as channel,
        pytest.raises(grpc.RpcError),
    ):
        predict(channel)


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"base_path": None}, "say what to serve"),
        ({"variant": "exact"}, "a variant is a bundle's"),
        ({"tls_key": "key.pem"}, "both a certificate and its key"),
        ({"tls_client_ca": "ca.pem"}, "only be checked over TLS"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_options_that_do_not_go_together(options, update, message):
    with pytest.raises(ValueError, match=message):
        ServerOptions(**{**options.model_dump(), **update})


IN_ORDER = """
import sys
from pathlib import Path
from serving.server import server as module
from serving.server.server_options import ServerOptions

def load(*arguments):
    assert {"tensorflow_text", "scann"} <= sys.modules.keys(), "a model is loaded before the libraries of ops"
    return loaded(*arguments)

loaded, module.load_servable = module.load_servable, load
server = module.Server(ServerOptions(base_path=Path(sys.argv[1]), grpc_port=0, rest_port=None))
server.start()
server.stop()
"""


def test_libraries_of_ops_are_there_before_any_model_is_loaded(base):
    # Imported while another thread loads a model, they may wait for each other for ever.
    done = subprocess.run(
        [sys.executable, "-c", IN_ORDER, str(base)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
