"""What Docker, Kubernetes and Vertex AI ask of a container, asked of the server as its image has it.

The server runs in an environment of the image's packages, with the arguments of the overlay `own-server`.
"""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import tensorflow as tf
import yaml

from benchmarks.peers.environments import Environments
from benchmarks.server_process import server_process
from pipeline.config.endpoint import EndpointConfig
from pipeline.config.serving import ServingConfig
from serving.push import push
from serving.vertex.requests import container_spec
from tests.serving.small_bundle import write_small_bundle

ROOT = Path(__file__).resolve().parents[3]
TF_SERVING = ROOT / "serving" / "tf_serving"
DEPLOYMENT = yaml.safe_load((TF_SERVING / "kubernetes/base/deployment.yaml").read_text())
COMPOSE = yaml.safe_load((TF_SERVING / "compose.yaml").read_text())
VERTEX = container_spec(
    EndpointConfig(
        project="my-project",
        region="europe-west4",
        id="films",
        image="europe-west4-docker.pkg.dev/my-project/serving/tensorflow-serving:2.16.1",
    )
)

pytestmark = pytest.mark.slow  # TensorFlow is imported twice


PATIENCE = 60


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A pushed bundle with both variants, that servers find under `/bundle`."""
    folder = tmp_path_factory.mktemp("bundle")
    push(
        write_small_bundle(folder / "made", "scann"),
        folder / "pushed",
        settings=ServingConfig(mount="/bundle"),
    )
    return folder / "pushed"


@pytest.fixture(scope="module")
def server(bundle, request):
    """Address of its REST."""
    cache = Path(request.config.cache.mkdir("server-image"))
    python = Environments(cache, requirements=ROOT / "serving" / "server").python("requirements")
    patch = yaml.safe_load((TF_SERVING / "kubernetes/overlays/own-server/server.yaml").read_text())
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    arguments = [argument.replace("/bundle", str(bundle)) for argument in container["args"]]
    with server_process(*arguments, python=python) as process:
        yield process.rest


def _port(server):
    return server.rsplit(":", 1)[1]


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe", "livenessProbe"])
def test_the_probes_of_kubernetes(probe, server):
    (container,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
    path = container[probe]["httpGet"]["path"]
    assert httpx.get(f"http://{server}{path}", timeout=PATIENCE).status_code == 200


def test_a_replica_without_its_stable_version_would_not_be_ready(server):
    (container,) = DEPLOYMENT["spec"]["template"]["spec"]["containers"]
    path = container["readinessProbe"]["httpGet"]["path"].replace("stable", "none")
    assert httpx.get(f"http://{server}{path}", timeout=PATIENCE).status_code == 400


def test_the_metrics_are_where_prometheus_is_told_to_look(server):
    path = DEPLOYMENT["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"]
    assert ":tensorflow:serving:request_count" in httpx.get(f"http://{server}{path}", timeout=PATIENCE).text


@pytest.mark.parametrize(("label", "healthy"), [("stable", True), ("none", False)])
def test_the_health_check_of_compose(label, healthy, server):
    _, *command = COMPOSE["services"]["tensorflow-serving"]["healthcheck"]["test"]
    script = command[-1].replace("$$", "$").replace("/8501", f"/{_port(server)}").replace("stable", label)
    done = subprocess.run([*command[:-1], script], timeout=PATIENCE, check=False)
    assert (done.returncode == 0) is healthy


@pytest.mark.parametrize(("model", "healthy"), [("recommender", True), ("none", False)])
def test_the_health_check_of_the_image(model, healthy, server):
    (found,) = re.findall(r"HEALTHCHECK .*\n *CMD (\[.*\])", (ROOT / "Dockerfile").read_text())
    _, *arguments = json.loads(found.replace("8501", _port(server)).replace("recommender", model))
    done = subprocess.run([sys.executable, *arguments], capture_output=True, timeout=PATIENCE, check=False)
    assert (done.returncode == 0) is healthy


def test_vertex_finds_it_healthy(server):
    assert httpx.get(f"http://{server}{VERTEX.health_route}", timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize("more", [{}, {"parameters": None}, {"parameters": {"confidence": 0.5}}])
def test_vertex_forwards_instances_and_takes_predictions(more, server):
    examples = [tf.train.Example().SerializeToString()] * 2
    instances = [{"b64": base64.b64encode(example).decode()} for example in examples]
    answer = httpx.post(
        f"http://{server}{VERTEX.predict_route}", json={"instances": instances, **more}, timeout=PATIENCE
    )
    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == 2


def test_vertex_forwards_the_requests_of_the_page(server):
    page = (ROOT / "docs" / "vertex-endpoint.md").read_text(encoding="utf-8")
    bodies = re.findall(r"^```json request\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    answers = [
        httpx.post(f"http://{server}{VERTEX.predict_route}", content=body, timeout=PATIENCE)
        for body in bodies
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [list(answer.json()) for answer in answers] == [["predictions"], ["outputs"]]


def test_every_file_that_tensorflow_serving_is_told_of_is_in_a_bundle(bundle):
    files = {path.name for path in (bundle / "serving").iterdir()}
    assert "scann.models.config" in files
    for path in (TF_SERVING / "compose.yaml", *(TF_SERVING / "kubernetes").rglob("*.yaml")):
        named = re.findall(r"/serving/([\w.]+\.(?:config|txt))", path.read_text())
        assert set(named) <= files, path
    assert (
        'base_path: "/bundle/models/exact/recommender"'
        in (bundle / "serving/exact.models.config").read_text()
    )
