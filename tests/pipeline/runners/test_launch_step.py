"""A compiled pipeline without Kubeflow: what each task is told, and that its own command is run."""

import json
import subprocess
import sys

import pytest
import yaml

from pipeline.errors import InputError
from pipeline.object_store import ObjectStore
from pipeline.runners.compiled_job import read_job
from pipeline.runners.launch_step import launch

KIND = {"instanceSchema": "title: tfx.File"}
PROGRAM = "import json, sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.argv[2]); sys.exit(3)"


def _spec(root, note):
    """Two tasks, one behind the other."""
    made = {"taskOutputArtifact": {"producerTask": "first", "outputArtifactKey": "made"}}
    container = {"image": "i:1", "command": ["python", "-c", PROGRAM], "args": [note, "{{$}}"]}
    pool = {"imageUri": "i:1", "command": container["command"], "args": container["args"]}
    return {
        "pipelineInfo": {"name": "small"},
        "defaultPipelineRoot": root,
        "root": {
            "inputDefinitions": {"parameters": {"data_uri": {"defaultValue": "gs://b/old"}}},
            "dag": {
                "tasks": {
                    "first": {
                        "inputs": {
                            "parameters": {
                                "base": {"componentInputParameter": "data_uri"},
                                "seed": {"runtimeValue": {"constant": 42}},
                            }
                        }
                    },
                    "second": {"inputs": {"artifacts": {"given": made}}, "dependentTasks": ["first"]},
                }
            },
        },
        "components": {
            "first": {
                "executorLabel": "first_executor",
                "outputDefinitions": {"artifacts": {"made": {"artifactType": KIND}}},
            },
            "second": {"executorLabel": "second_executor"},
        },
        "deploymentSpec": {
            "executors": {
                "first_executor": {"container": container},
                "second_executor": {
                    "customJob": {"customJob": {"jobSpec": {"workerPoolSpecs": [{"containerSpec": pool}]}}}
                },
            }
        },
    }


@pytest.fixture
def spec(tmp_path):
    return _spec(str(tmp_path / "root"), str(tmp_path / "note"))


@pytest.fixture
def kubeflow(spec, tmp_path):
    file = tmp_path / "job.yaml"
    file.write_text(yaml.safe_dump_all([spec, {"platforms": {}}]))
    return str(file)


@pytest.fixture
def vertex(spec, tmp_path):
    file = tmp_path / "job.json"
    values = {"data_uri": "gs://b/new"}
    file.write_text(json.dumps({"pipelineSpec": spec, "runtimeConfig": {"parameterValues": values}}))
    return str(file)


@pytest.mark.parametrize(("job", "value"), [("kubeflow", "gs://b/old"), ("vertex", "gs://b/new")])
def test_a_task_is_told_parameters_and_places_for_its_outputs(job, value, request, tmp_path):
    call = read_job(request.getfixturevalue(job)).call("first", "r1")
    root = f"{tmp_path}/root/small/r1/first"
    assert call["inputs"]["parameterValues"] == {"base": value, "seed": 42}
    assert call["outputs"]["outputFile"] == f"{root}/executor_output.json"
    (made,) = call["outputs"]["artifacts"]["made"]["artifacts"]
    assert (made["uri"], made["type"]) == (f"{root}/made", KIND)


def test_a_task_is_told_what_the_one_before_has_left(kubeflow, tmp_path):
    job = read_job(kubeflow)
    with pytest.raises(InputError, match=r"first has left nothing in .*r1/first; run it before"):
        job.call("second", "r1")
    left = {"artifacts": {"made": {"artifacts": [{"name": "n", "uri": "gs://b/x", "metadata": {"a": 1}}]}}}
    ObjectStore(f"{tmp_path}/root/small/r1/first").write("executor_output.json", json.dumps(left).encode())
    (given,) = job.call("second", "r1")["inputs"]["artifacts"]["given"]["artifacts"]
    assert given == {"name": "n", "uri": "gs://b/x", "metadata": {"a": 1}, "type": KIND}
    with pytest.raises(InputError, match="left nothing"):
        job.call("second", "r2")


@pytest.mark.parametrize("job", ["kubeflow", "vertex"])
def test_the_containers_own_command_is_run_and_its_exit_code_kept(job, request, tmp_path):
    code = launch(["--job", request.getfixturevalue(job), "--task", "first", "--run-id", "r"])
    assert code == 3
    told = json.loads((tmp_path / "note").read_text())
    assert told["outputs"]["outputFile"].endswith("/small/r/first/executor_output.json")


def test_a_custom_job_has_a_container_as_well(vertex, tmp_path):
    left = {"artifacts": {"made": {"artifacts": []}}}
    ObjectStore(f"{tmp_path}/root/small/r/first").write("executor_output.json", json.dumps(left).encode())
    assert launch(["--job", vertex, "--task", "second", "--run-id", "r"]) == 3


def test_what_is_no_job_or_no_task_is_a_message(kubeflow, tmp_path):
    with pytest.raises(InputError, match="'third'; there are first, second"):
        launch(["--job", kubeflow, "--task", "third", "--run-id", "r"])
    with pytest.raises(InputError, match="is not there"):
        read_job(str(tmp_path / "none"))
    for text in ("", "a: 1", "[", "3"):
        (tmp_path / "bad").write_text(text)
        with pytest.raises(InputError, match="is no compiled pipeline"):
            read_job(str(tmp_path / "bad"))


def test_a_process_says_what_is_wrong_and_no_more(tmp_path):
    command = [sys.executable, "-m", "pipeline.runners.launch_step"]
    done = subprocess.run(
        [*command, "--job", tmp_path / "none", "--task", "a", "--run-id", "r"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
