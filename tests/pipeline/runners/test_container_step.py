"""The entry point of a container: what it stages, what it passes on, and how it ends."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.dsl.components.base.base_executor import BaseExecutor

from pipeline.config.environment import CLUSTER_VARIABLE
from pipeline.errors import GateError
from pipeline.runners.container_step import run_step

pytestmark = pytest.mark.slow  # TFX is imported

WORKER = {"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "worker", "index": 0}}
CHIEF = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}


class Doubling(BaseExecutor):
    """Writes twice what it reads."""

    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802  (TFX's name)
        (given,), (made,) = input_dict["given"], output_dict["made"]
        text = Path(given.uri, "text").read_text()
        Path(made.uri, "text").write_text(text * exec_properties["times"])
        made.set_string_custom_property("read_from", given.uri)


class Refusing(BaseExecutor):
    """Ends with a message for users, wrapped as TFX and Beam do."""

    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802  (TFX's name)
        try:
            raise GateError("not good enough")
        except GateError as error:
            raise RuntimeError("in a step") from error


class Remote(BaseBeamExecutor):
    """Notes what it is told."""

    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802  (TFX's name)
        told = {"given": input_dict["given"][0].uri, "args": self._beam_pipeline_args}
        Path(exec_properties["note"]).write_text(json.dumps(told))


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch" / "recstack"


def _arguments(executor, root, *more, **parameters):
    """As TFX writes them; what stands in `root` is reached by an address, as in an object store."""
    kind = {"instanceSchema": "title: tfx.File\ntype: object\n"}
    uri = root.as_uri()
    call = {
        "inputs": {
            "artifacts": {"given": {"artifacts": [{"name": "g", "type": kind, "uri": f"{uri}/given"}]}},
            "parameterValues": parameters,
        },
        "outputs": {
            "artifacts": {"made": {"artifacts": [{"name": "m", "type": kind, "uri": f"{uri}/made"}]}},
            "outputFile": f"{uri}/output.json",
        },
    }
    types = {
        name: {"parameterType": "NUMBER_INTEGER"} for name, v in parameters.items() if isinstance(v, int)
    }
    strings = {name: {"parameterType": "STRING"} for name in parameters if name not in types}
    return [
        f"--executor_class_path={__name__}.{executor.__name__}",
        "--json_serialized_invocation_args",
        json.dumps(call),
        "--json_serialized_inputs_spec_args",
        json.dumps({"parameters": {**types, **strings}}),
        *more,
    ]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "store" / "given").mkdir(parents=True)
    (tmp_path / "store" / "given" / "text").write_text("ab")
    return tmp_path / "store"


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Doubling.__module__])


def test_a_step_works_on_copies_and_says_addresses(root, scratch):
    run_step(_arguments(Doubling, root, times=3))
    assert (root / "made" / "text").read_text() == "ababab"
    (said,) = json.loads((root / "output.json").read_text())["artifacts"]["made"]["artifacts"]
    assert said["uri"] == f"{root.as_uri()}/made"
    assert said["metadata"]["read_from"].startswith(str(scratch))


@pytest.mark.parametrize(("cluster", "delivers"), [(WORKER, False), (CHIEF, True)], ids=["worker", "chief"])
def test_of_those_that_train_together_one_delivers(root, scratch, monkeypatch, cluster, delivers):
    monkeypatch.setenv(CLUSTER_VARIABLE, json.dumps(cluster))
    run_step(_arguments(Doubling, root, times=1))
    assert (root / "made").exists() == (root / "output.json").exists() == delivers


def test_the_message_inside_an_error_is_what_is_raised_and_nothing_is_delivered(root, scratch):
    with pytest.raises(GateError, match="not good enough"):
        run_step(_arguments(Refusing, root))
    assert not (root / "output.json").exists()


def test_a_step_on_dataflow_is_told_the_addresses(root, scratch, tmp_path):
    beam_args = ["--runner=DataflowRunner", "--project=p"]
    run_step(_arguments(Remote, root, *beam_args, note=str(tmp_path / "note")))
    told = json.loads((tmp_path / "note").read_text())
    assert told["given"] == f"{root.as_uri()}/given"
    assert told["args"][:2] == beam_args
    assert not scratch.exists()


def test_a_process_ends_with_the_exit_code_of_the_message(tmp_path):
    arguments = ["--executor_class_path=a.B", "--json_serialized_invocation_args", '{"inputs": 3}']
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.runners.container_step", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 2
    assert "the platform's message to the step cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
