"""`recstack endpoint` as its users call it: what it would send, and what it says when it cannot."""

import json

import pytest
import yaml
from google.cloud import aiplatform_v1
from google.protobuf.json_format import ParseDict
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands import endpoint as commands
from pipeline.config.run import load_config
from pipeline.errors import InputError
from tests.serving.vertex.fake_vertex import FakeVertex, serve

ENDPOINT = {
    "project": "my-project",
    "region": "europe-west4",
    "id": "films",
    "image": "europe-west4-docker.pkg.dev/my-project/serving/tensorflow-serving:2.16.1",
}
UPLOAD = ("upload", "--artifacts", "gs://bucket/endpoint/4")


@pytest.fixture
def config(tmp_path):
    """A configuration whose bundle has versions 3, which is stable, and 4, the canary."""
    bundle = tmp_path / "runs" / "films" / "bundle"
    for version in (3, 4):
        (bundle / "versions" / str(version)).mkdir(parents=True)
        (bundle / "versions" / str(version) / "manifest.json").write_text(
            json.dumps({"digest": f"{version}" * 64})
        )
    (bundle / "serving").mkdir()
    (bundle / "serving" / "labels.json").write_text('{"stable": 3, "canary": 4}')
    return _write(tmp_path, {"endpoint": ENDPOINT})


def _write(folder, changes):
    path = folder / "films.yaml"
    content = {
        "name": "films",
        "output": str(folder / "runs"),
        "data": {"source": "movielens_100k"},
        **changes,
    }
    path.write_text(yaml.safe_dump(content))
    return path


def _call(config, *arguments):
    """Calls the command line in this process; its faults are raised."""
    return CliRunner().invoke(app, ["endpoint", *arguments, "--config", str(config)], catch_exceptions=False)


def _shown(done):
    """The requests that a dry run shows, as the messages that they are."""
    assert done.exit_code == 0
    decoder, text, requests = json.JSONDecoder(), done.stdout.strip(), []
    while text:
        shown, end = decoder.raw_decode(text)
        message = getattr(aiplatform_v1, shown["method"].split("/")[1] + "Request")
        requests.append(message(ParseDict(shown["request"], message.pb(message()))))
        text = text[end:].strip()
    return requests


def test_a_dry_run_shows_what_would_be_sent(config):
    (uploaded,) = _shown(_call(config, *UPLOAD, "--dry-run"))
    assert uploaded.model_id == "films"
    assert list(uploaded.model.version_aliases) == ["v4"]
    assert uploaded.model.labels["bundle-digest"] == "4" * 16
    created, deployed = _shown(_call(config, "deploy", "--version", "3", "--dry-run"))
    assert created.endpoint_id == "films"
    assert deployed.deployed_model.id == "3"
    (split,) = _shown(_call(config, "split", "3=90", "4=10", "--dry-run"))
    assert dict(split.endpoint.traffic_split) == {"3": 90, "4": 10}
    (undeployed,) = _shown(_call(config, "undeploy", "--version", "3", "--dry-run"))
    assert undeployed.deployed_model_id == "3"


def test_only_what_is_sent_needs_credentials(config, tmp_path, monkeypatch):
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    assert _shown(_call(config, "deploy", "--dry-run"))
    with pytest.raises(InputError, match="no credentials of Google Cloud were found: run `gcloud auth"):
        _call(config, "deploy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*UPLOAD, "--version", "5"), "has no version 5; it has 3, 4"),
        (("upload", "--artifacts", "/bundle/3"), "must be a folder in Google Cloud Storage"),
        (("split", "3=90", "4=5"), "sum to 100; 90 [+] 5 do not"),
        (("split", "3=50", "3=50"), "a version is named twice"),
        (("split", "3:90", "4=10"), "'3:90' is no share: say VERSION=PERCENT"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(arguments, message, config):
    with pytest.raises(InputError, match=message):
        _call(config, *arguments, "--dry-run")


def test_a_bundle_without_versions(tmp_path):
    with pytest.raises(InputError, match="no version in .* has a label"):
        _call(_write(tmp_path, {"endpoint": ENDPOINT}), "deploy", "--dry-run")


def test_a_configuration_without_the_section(tmp_path):
    with pytest.raises(InputError, match="has no section endpoint"):
        _call(_write(tmp_path, {}), "deploy", "--dry-run")


def test_what_was_done_is_told(config, monkeypatch, capsys):
    settings = load_config(config)
    with serve(FakeVertex()) as service:
        monkeypatch.setattr(commands, "_service", lambda *_, **__: service)
        commands.upload_version(settings, "gs://bucket/3", 3, dry_run=False)
        commands.deploy_version(settings, 3, dry_run=False)
        commands.upload_version(settings, "gs://bucket/4", None, dry_run=False)
        commands.deploy_version(settings, None, dry_run=False)
        commands.split_requests(settings, ["3=90", "4=10"], dry_run=False)
        commands.show_endpoint(settings)
    told = capsys.readouterr().out
    assert "uploaded: version 3 is films@v3" in told
    assert "deployed: version 3 gets every request" in told
    assert "deployed: version 4 gets no request yet" in told
    assert "shares: version 3 90%, version 4 10%" in told
    rows = [line.split() for line in told.splitlines()]
    assert ["3", "90%", "1", "-", "2", "n1-standard-4"] in rows
    assert ["4", "10%", "1", "-", "2", "n1-standard-4"] in rows
