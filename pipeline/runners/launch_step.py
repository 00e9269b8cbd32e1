"""Launches one task of a compiled pipeline in this environment, as Kubeflow's launcher does in a pod.

For schedulers that know no Kubeflow, such as Airflow: each task is a process, what it reads is looked up in
what the tasks before it left in the object store, and its container's own command is run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import InputError, RecstackError
from pipeline.object_store import ObjectStore

OUTPUT_FILE = "executor_output.json"
_CALL = "{{$}}"


@dataclass(frozen=True)
class CompiledJob:
    """A job of :func:`pipeline.runners.vertex.vertex_job`, or the documents for Kubeflow Pipelines.

    Attributes:
      spec: The `PipelineSpec`, as JSON.
      parameters: Values of runtime parameters, beside the spec's defaults.
    """

    spec: Mapping[str, Any]
    parameters: Mapping[str, Any]

    @property
    def tasks(self) -> Mapping[str, Any]:
        """The tasks by their names."""
        tasks: Mapping[str, Any] = self.spec["root"]["dag"]["tasks"]
        return tasks

    def container(self, task: str) -> Mapping[str, Any]:
        """Image, command and arguments of a task; those of the chief where several machines share it."""
        label = self.spec["components"][task]["executorLabel"]
        executor = self.spec["deploymentSpec"]["executors"][label]
        if "container" in executor:
            container: Mapping[str, Any] = executor["container"]
            return container
        spec = executor["customJob"]["customJob"]["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]
        return {"image": spec["imageUri"], "command": spec["command"], "args": spec["args"]}

    def folder(self, task: str, run_id: str) -> str:
        """The address under which a task writes."""
        return f"{self.spec['defaultPipelineRoot']}/{self.spec['pipelineInfo']['name']}/{run_id}/{task}"

    def call(self, task: str, run_id: str) -> dict[str, Any]:
        """What the platform tells a task, an `ExecutorInput` as JSON.

        Args:
          task: The task.
          run_id: Name of the run, under which all its tasks write.

        Raises:
          InputError: A task before it has left nothing in this run.
        """
        wanted, component = self.tasks[task].get("inputs", {}), self.spec["components"][task]
        inputs = {
            name: self._artifact(source["taskOutputArtifact"], run_id)
            for name, source in wanted.get("artifacts", {}).items()
        }
        outputs = {
            name: {
                "artifacts": [
                    {
                        "name": f"{run_id}/{task}/{name}",
                        "type": described["artifactType"],
                        "uri": f"{self.folder(task, run_id)}/{name}",
                    }
                ]
            }
            for name, described in component.get("outputDefinitions", {}).get("artifacts", {}).items()
        }
        values = {name: self._value(source) for name, source in wanted.get("parameters", {}).items()}
        return {
            "inputs": {"parameterValues": values, "artifacts": inputs},
            "outputs": {
                "artifacts": outputs,
                "outputFile": f"{self.folder(task, run_id)}/{OUTPUT_FILE}",
            },
        }

    def command(self, task: str, run_id: str) -> list[str]:
        """The command of a task's container, with all that it is told."""
        container = self.container(task)
        call = json.dumps(self.call(task, run_id))
        words = [*container["command"], *container["args"]]
        return [call if word == _CALL else word for word in words]

    def _value(self, source: Mapping[str, Any]) -> Any:
        if "componentInputParameter" not in source:
            return source["runtimeValue"]["constant"]
        name = source["componentInputParameter"]
        definition = self.spec["root"]["inputDefinitions"]["parameters"][name]
        return self.parameters.get(name, definition.get("defaultValue"))

    def _artifact(self, source: Mapping[str, str], run_id: str) -> dict[str, Any]:
        """An output of a task before this one, as that one left it."""
        producer, key = source["producerTask"], source["outputArtifactKey"]
        folder = self.folder(producer, run_id)
        text = ObjectStore(folder).read(OUTPUT_FILE)
        if text is None:
            raise InputError(f"{producer} has left nothing in {folder}; run it before, with the same run id")
        described = self.spec["components"][producer]["outputDefinitions"]["artifacts"][key]
        left = json.loads(text)["artifacts"][key]["artifacts"]
        return {"artifacts": [{**artifact, "type": described["artifactType"]} for artifact in left]}


def read_job(file: str) -> CompiledJob:
    """Reads what `recstack compile` wrote.

    Args:
      file: A path or an address; JSON for Vertex AI, YAML for Kubeflow Pipelines.

    Raises:
      InputError: It is not there, or something else.
    """
    import yaml

    text = ObjectStore(file).read()
    if text is None:
        raise InputError(f"{file} is not there; `recstack compile` writes it")
    try:
        document = next(iter(yaml.safe_load_all(text)))  # JSON is YAML, too
        if "pipelineSpec" in document:
            return CompiledJob(document["pipelineSpec"], document["runtimeConfig"]["parameterValues"])
        document["root"]["dag"]["tasks"]
    except (yaml.YAMLError, StopIteration, KeyError, TypeError) as error:
        raise InputError(f"{file} is no compiled pipeline") from error
    return CompiledJob(document, {})


def launch(arguments: Sequence[str]) -> int:
    """Launches a task.

    Args:
      arguments: See `--help`.

    Returns:
      The exit code of the task.

    Raises:
      InputError: There is no such job or task, or one before it has not run.
    """
    parser = argparse.ArgumentParser(prog="python -m pipeline.runners.launch_step")
    parser.add_argument("--job", required=True, help="what `recstack compile` wrote, a path or an address")
    parser.add_argument("--task", required=True, help="the task to run")
    parser.add_argument("--run-id", required=True, help="the same for all tasks of a run")
    args = parser.parse_args(arguments)
    job = read_job(args.job)
    if args.task not in job.tasks:
        raise InputError(f"--task: there is no '{args.task}'; there are {', '.join(sorted(job.tasks))}")
    program, *words = job.command(args.task, args.run_id)
    interpreter = sys.executable if Path(program).name == "python" else program
    return subprocess.run([interpreter, *words], check=False).returncode


def main() -> None:
    """Entry point: errors become messages and exit codes."""
    try:
        sys.exit(launch(sys.argv[1:]))
    except RecstackError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
