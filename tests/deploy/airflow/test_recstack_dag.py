"""The DAG in a real Airflow, which has an environment of its own."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from benchmarks.peers.environments import Environments
from pipeline.object_store import files_in
from tests.pipeline.runners.compiled_world import CompiledWorld, tasks_of

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "airflow"
KIND = {"instanceSchema": "title: tfx.File"}
# A step that copies what it is given, and says so as TFX's entry point does.
PROGRAM = """
import json, pathlib, sys
call = json.loads(sys.argv[1])
inputs = call["inputs"]
given = inputs["artifacts"].get("given")
text = pathlib.Path(given["artifacts"][0]["uri"]).read_text() if given else inputs["parameterValues"]["text"]
made = call["outputs"]["artifacts"]["made"]["artifacts"][0]
output = pathlib.Path(call["outputs"]["outputFile"])
output.parent.mkdir(parents=True)
pathlib.Path(made["uri"]).write_text(text + "!")
output.write_text(json.dumps({"artifacts": {"made": {"artifacts": [{"uri": made["uri"]}]}}}))
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python(request):
    """Airflow's interpreter."""
    folder = Path(request.config.cache.mkdir("airflow"))
    return Environments(folder, requirements=FOLDER).python("airflow")


def _spec(root):
    """Three steps in a row."""
    names = ("one", "two", "three")
    tasks = {"one": {"inputs": {"parameters": {"text": {"runtimeValue": {"constant": "it"}}}}}}
    for before, name in pairwise(names):
        source = {"taskOutputArtifact": {"producerTask": before, "outputArtifactKey": "made"}}
        tasks[name] = {"inputs": {"artifacts": {"given": source}}, "dependentTasks": [before]}
    made = {"outputDefinitions": {"artifacts": {"made": {"artifactType": KIND}}}}
    container = {"image": "i:1", "command": ["python", "-c", PROGRAM], "args": ["{{$}}"]}
    return {
        "pipelineInfo": {"name": "small"},
        "defaultPipelineRoot": str(root),
        "root": {"dag": {"tasks": tasks}},
        "components": {name: {"executorLabel": name, **made} for name in names},
        "deploymentSpec": {"executors": {name: {"container": container} for name in names}},
    }


def _dag(python, job, folder, *options):
    done = subprocess.run(
        [python, Path(__file__).with_name("run_dag.py"), FOLDER, *options],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "RECSTACK_JOB": str(job),
            "RECSTACK_PYTHON": sys.executable,
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_airflow_runs_the_steps_in_their_order(python, tmp_path):
    job = tmp_path / "job.yaml"
    job.write_text(yaml.safe_dump(_spec(tmp_path / "root")))
    dag = _dag(python, job, tmp_path, "--run")
    assert dag["edges"] == {"one": [], "two": ["one"], "three": ["two"]}
    assert dag["state"] == "success"
    made = [
        path.read_text() for name, path in files_in(tmp_path / "root").items() if name.endswith("three/made")
    ]
    assert made == ["it!!!"]


def test_the_dag_of_a_compiled_pipeline_has_its_steps_and_edges(python, tmp_path):
    written, job = CompiledWorld(tmp_path).written("vertex")
    dag, tasks = _dag(python, job, tmp_path), tasks_of(written["pipelineSpec"])
    assert dag["id"] == "checkerboard"
    assert dag["edges"] == {name: sorted(task.get("dependentTasks", [])) for name, task in tasks.items()}
    assert len(tasks) == 26
    for name, command in dag["commands"].items():
        assert command.startswith(f"{sys.executable} -m pipeline.runners.launch_step --job {job}")
        assert f"--task {name} --run-id " in command
