"""Clients that others wrote, each in an environment of its own, and curl, against our server."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.peers.environments import Environments
from tests.serving.client.real_server import rest_url, serve, write_models

FOLDER = Path(__file__).parent / "independent"
AVAILABLE = 30
PREDICTIONS = {"floats": [4.0, 5.5], "version": 2, "older": [3.0, 4.5], "strings": ["a", "ä"]}
OTHERS = {
    # The newest version's y is x / 2 + 3.
    "classes": [43.0],
    "regressions": [43.0],
    "both": [43.0, 43.0],
    "signatures": [
        "classify_x_to_y",
        "regress_x2_to_y3",
        "regress_x_to_y",
        "regress_x_to_y2",
        "serving_default",
    ],
    "states": [[2, AVAILABLE], [1, AVAILABLE]],
    "error": "NOT_FOUND",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    config = write_models(tmp_path_factory.mktemp("models"))
    with serve(models_config=config) as served:
        yield served


@pytest.fixture(scope="module")
def environments(request):
    return Environments(Path(request.config.cache.mkdir("independent-clients")), requirements=FOLDER)


def _answers(python, script, served):
    """What a script prints; nothing of ours is on its path."""
    command = [python, "-I", FOLDER / script, "127.0.0.1", str(served.grpc_port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow  # TensorFlow is imported
def test_tensorflow_serving_api(served):
    assert _answers(sys.executable, "call_with_stubs.py", served) == {**PREDICTIONS, **OTHERS}


def test_tensorflow_serving_client_grpc(served, environments):
    python = environments.python("tensorflow-serving-client-grpc")
    assert _answers(python, "call_with_stubs.py", served) == {**PREDICTIONS, **OTHERS}


def test_min_tfs_client(served, environments):
    python = environments.python("min-tfs-client")
    expected = {**PREDICTIONS, "floats": [[4.0], [5.5]], "older": [[3.0]]}
    assert _answers(python, "call_with_min_tfs_client.py", served) == expected


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        (["-d", '{"instances": [[2], [5]]}', ":predict"], 200, {"predictions": [[4.0], [5.5]]}),
        (["-d", '{"inputs": [[2]]}', "/labels/stable:predict"], 200, {"outputs": [[3.0]]}),
        (
            ["-d", '{"signature_name": "regress_x_to_y", "examples": [{"x": 80.0}]}', ":regress"],
            200,
            {"results": [43.0]},
        ),
        (
            ["-d", '{"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}]}', ":classify"],
            200,
            {"results": [[["", 4.0]]]},
        ),
        (["-d", "", ":predict"], 400, {"error": "JSON Parse error: The document is empty"}),
    ],
)
def test_curl(arguments, status, expected, served):
    answer = _curl(served, *arguments)
    assert answer == (status, expected)


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_asks_for_status_and_metadata(served):
    status, answer = _curl(served, "/versions/1")
    assert status == 200
    assert answer["model_version_status"] == [
        {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    ]
    status, answer = _curl(served, "/metadata")
    assert status == 200
    assert answer["model_spec"]["version"] == "2"
    assert "regress_x_to_y" in answer["metadata"]["signature_def"]["signature_def"]


def _curl(served, *arguments):
    """Status and JSON of an answer."""
    url = f"{rest_url(served)}/v1/models/half_plus_two{arguments[-1]}"
    command = ["curl", "--silent", "--noproxy", "*", "--write-out", "\n%{http_code}", *arguments[:-1], url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), json.loads(body)


@pytest.mark.parametrize("name", ["min-tfs-client", "tensorflow-serving-client-grpc"])
def test_requirements_are_pinned_with_hashes_and_name_no_index(name):
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    pins = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"[a-z0-9._-]+==\S+ \\\n    --hash=sha256:", pin) for pin in pins)
    assert "://" not in text
