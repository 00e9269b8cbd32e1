"""The Compose file, read by Docker Compose itself."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from pipeline.config.images import PinnedImage

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "serving" / "tf_serving" / "compose.yaml"
BUNDLE = "/somewhere/bundle"


def _compose(tools, *arguments, file=FILE, **environment):
    """Docker Compose, of which reading needs no Docker."""
    # The package's own way in loses the exit code.
    (program,) = tools.parent.glob("lib/python*/site-packages/compose/docker-compose")
    variables = {name: value for name, value in os.environ.items() if name != "RECSTACK_BUNDLE"}
    return subprocess.run(
        [program, "--file", file, *arguments],
        capture_output=True,
        text=True,
        env={**variables, **environment},
        check=False,
    )


@pytest.fixture(scope="module")
def services(tools):
    done = _compose(tools, "--profile", "scann", "config", "--format", "json", RECSTACK_BUNDLE=BUNDLE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]


def test_only_tensorflow_serving_is_started_unless_scann_is_asked_for(tools):
    for profile, expected in (
        ([], {"tensorflow-serving"}),
        (["--profile", "scann"], {"tensorflow-serving", "recstack-serve"}),
    ):
        done = _compose(tools, *profile, "config", "--services", RECSTACK_BUNDLE=BUNDLE)
        assert set(done.stdout.split()) == expected


def test_without_a_bundle_it_says_what_is_missing(tools):
    done = _compose(tools, "config")
    assert done.returncode
    assert "name the bundle's folder, an absolute path" in done.stderr


def test_a_faulty_file_would_be_found(tools, tmp_path):
    path = tmp_path / "compose.yaml"
    path.write_text(FILE.read_text().replace("read_only: true\n  tmpfs", "read_onyl: true\n  tmpfs"))
    done = _compose(tools, "config", file=path, RECSTACK_BUNDLE=BUNDLE)
    assert done.returncode
    assert "read_onyl" in done.stderr


@pytest.mark.parametrize("name", ["tensorflow-serving", "recstack-serve"])
def test_a_service_can_do_no_more_than_it_must(name, services):
    service = services[name]
    (check,) = PinnedImage.__metadata__
    assert check.func(service["image"])
    assert service["user"] == "10001:10001"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {port["host_ip"] for port in service["ports"]} == {"127.0.0.1"}
    assert [(volume["source"], volume["target"], volume["read_only"]) for volume in service["volumes"]] == [
        (BUNDLE, BUNDLE, True)
    ]
    # A folder that is not there is a fault, not made by root.
    assert not service["volumes"][0]["bind"].get("create_host_path")


def test_no_two_services_take_a_port(services):
    published = [port["published"] for service in services.values() for port in service["ports"]]
    assert len(set(published)) == len(published) == 4
