"""`recstack compile` and `recstack submit`: files, uploads, what is sent, and what is refused."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from pipeline.commands.compile import compile_for
from pipeline.commands.submit import submit_to
from pipeline.config.run import load_config
from pipeline.errors import InputError
from pipeline.object_store import ObjectStore
from tests.checkerboard import write_checkerboard, write_config
from tests.e2e.conftest import recstack
from tests.pipeline.commands.kubeflow_api import EXPERIMENT, kubeflow_api
from tests.pipeline.runners.google_storage import google_storage

pytestmark = pytest.mark.slow  # TFX is imported

IMAGE = "registry.local/recstack:0.1.0"
# As google.auth looks for it; nothing is there.
NO_CREDENTIALS = {
    "GOOGLE_APPLICATION_CREDENTIALS": "",
    "CLOUDSDK_CONFIG": "/nonexistent",
    "NO_GCE_CHECK": "true",
}


@pytest.fixture
def folder(tmp_path):
    write_checkerboard(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def storage():
    with google_storage() as storage:
        yield storage


@pytest.fixture
def api():
    with kubeflow_api() as server:
        yield server


def _write(folder, **cloud):
    cloud = {"image": IMAGE, "root": "gs://bucket/root", "project": "p", "region": "r", **cloud}
    return write_config(folder, {"cloud": cloud})


def _host(api):
    return f"http://127.0.0.1:{api.server_port}"


def test_a_job_is_written_where_it_was_asked_for(folder, capsys):
    compile_for(load_config(_write(folder)), "vertex", folder / "j" / "job.json")
    assert "26 steps, 8 parameters" in capsys.readouterr().out
    job = json.loads((folder / "j" / "job.json").read_text())
    assert set(job) == {"displayName", "labels", "pipelineSpec", "runtimeConfig"}


def test_the_same_pipeline_is_compiled_to_the_same_file(folder, capsys):
    config = load_config(_write(folder))
    texts = set()
    for _ in range(2):
        compile_for(config, "kubeflow", None)
        texts.add((config.run_dir / "kubeflow.yaml").read_text())
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compile", "--runner", "vertex", "--output", "a.yaml"], "--output: vertex takes .json, not a.yaml"),
        (["submit", "--runner", "kubeflow"], "cloud.host: missing"),
        (["submit", "--runner", "kubeflow", "--dry-run", "--output", "a.json"], "takes .yaml or .yml"),
    ],
)
def test_what_cannot_be_is_one_message(folder, arguments, message):
    done = recstack(*arguments, "--config", _write(folder))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_section_nothing_is_computed(folder):
    done = recstack("compile", "--runner", "vertex", "--config", write_config(folder))
    assert (done.returncode, done.stdout) == (2, "")
    assert "cloud: missing; say at least its image and root" in done.stderr
    assert not (folder / "runs").exists()


def test_a_dry_run_needs_no_network_and_no_credentials(folder):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "submit", "-r", "vertex", "--dry-run", "-c", _write(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, **NO_CREDENTIALS, "HTTPS_PROXY": "http://127.0.0.1:9", "COLUMNS": "200"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "nothing is sent (--dry-run)" in done.stdout
    assert "gs://bucket/root/data/" in done.stdout
    assert "would send checkerboard to Vertex AI, r" in done.stdout
    assert (folder / "runs" / "checkerboard" / "vertex.json").is_file()


def test_without_credentials_the_message_says_how_to_get_some(folder, storage, monkeypatch):
    for name, value in NO_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS")
    with pytest.raises(
        InputError, match=r"no credentials for Google Cloud: (.|\n)*gcloud auth application-default"
    ):
        submit_to(load_config(_write(folder, root=f"{storage.uri}/vertex")), "vertex", None, dry_run=False)


def test_data_are_uploaded_and_the_run_is_started(folder, storage, api, capsys):
    config = load_config(_write(folder, root=f"{storage.uri}/kfp", host=_host(api), service_account="runner"))
    pushed = ObjectStore(f"{storage.uri}/kfp/bundle/versions/3")
    pushed.write("manifest.json", json.dumps({"digest": "d"}).encode())
    pushed.write("statistics/items/FeatureStats.pb", b"")
    submit_to(config, "kubeflow", None, dry_run=False)
    assert "uploaded the data" in capsys.readouterr().out
    ((path, run),) = [asked for asked in api.asked if "runs" in asked[0]]
    assert path.startswith("/apis/v2beta1/runs")
    (written,) = yaml.safe_load_all((config.run_dir / "kubeflow.yaml").read_text())
    assert run["pipeline_spec"]["root"]["dag"]["tasks"].keys() == written["root"]["dag"]["tasks"].keys()
    assert run["experiment_id"] == EXPERIMENT["experiment_id"]
    assert run["service_account"] == "runner"
    values = run["runtime_config"]["parameters"]
    assert values["items_baseline_uri"] == pushed.at("statistics/items")
    assert values["interactions_baseline_uri"] == ""
    assert run["runtime_config"]["pipeline_root"] == f"{storage.uri}/kfp"
    users = ObjectStore(values["users_uri"]).read()
    assert users[:4] == b"PAR1"

    submit_to(config, "kubeflow", None, dry_run=False)
    assert "uploaded" not in capsys.readouterr().out


def test_a_job_for_other_schedulers_has_its_data_uploaded(folder, storage):
    root = f"{storage.uri}/other"
    pushed = ObjectStore(f"{root}/bundle/versions/1")
    pushed.write("manifest.json", json.dumps({"digest": "d"}).encode())
    pushed.write("statistics/items/FeatureStats.pb", b"")
    compile_for(load_config(_write(folder, root=root)), "kubeflow", folder / "job.yaml", upload=True)
    defined = yaml.safe_load((folder / "job.yaml").read_text())["root"]["inputDefinitions"]["parameters"]
    assert defined["items_baseline_uri"]["defaultValue"] == pushed.at("statistics/items")
    assert ObjectStore(defined["histories_uri"]["defaultValue"]).read()[:4] == b"PAR1"


def test_a_refusal_and_a_host_that_is_not_there_are_messages(folder, storage, api):
    root = f"{storage.uri}/kfp"
    api.refusal = "no such pipeline root"
    with pytest.raises(InputError, match=r"refuses the run: (.|\n)*no such pipeline root"):
        submit_to(load_config(_write(folder, root=root, host=_host(api))), "kubeflow", None, dry_run=False)
    with pytest.raises(InputError, match=r"cannot reach Kubeflow Pipelines at http://127\.0\.0\.1:9"):
        submit_to(
            load_config(_write(folder, root=root, host="http://127.0.0.1:9")), "kubeflow", None, dry_run=False
        )
