"""`recstack serve` as a process: ready, asked, reloaded, and stopped by a signal."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.serving.server.half_plus_two import write_half_plus_two

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def start():
    """Starts servers, and ends those that still run."""
    started = []

    def run(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "serve", *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_it_serves_a_models_config_until_sigterm(start, tmp_path):
    write_half_plus_two(tmp_path / "models" / "7")
    config = tmp_path / "models.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "half" base_path: "{tmp_path}/models" '
        'model_platform: "tensorflow" version_labels { key: "stable" value: 7 } } }'
    )
    process = start("--models-config", config, "--grpc-port", 0, "--rest-port", 0)
    line = process.stdout.readline()
    found = re.search(r"ready in .*: gRPC on 127.0.0.1:\d+, REST on 127.0.0.1:(\d+); half 7$", line.strip())
    assert found, line
    url = f"http://127.0.0.1:{found[1]}/v1/models/half/labels/stable:predict"
    assert httpx.post(url, json={"instances": [2, 3]}).json() == {"predictions": [3.0, 3.5]}
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    logged = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    assert [entry["status"] for entry in logged if entry.get("api") == "Predict"] == ["OK"]
    assert any("unloaded version 7 of half" in entry.get("message", "") for entry in logged)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["--base-path", "{empty}", "--tls-key", "key.pem"], 2, "TLS needs both a certificate and its key"),
        (["--bundle", "{empty}"], 2, "no bundle stands in"),
        (["--base-path", "{broken}", "--load-retries", "0"], 6, "did not become available"),
    ],
    ids=["options", "no bundle", "broken model"],
)
def test_what_cannot_be_served_is_said(start, tmp_path, arguments, exit_code, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken" / "1").mkdir(parents=True)
    named = [argument.format(empty=tmp_path / "empty", broken=tmp_path / "broken") for argument in arguments]
    process = start(*named, "--grpc-port", 0, "--rest-port", 0)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == exit_code
    assert message in errors
