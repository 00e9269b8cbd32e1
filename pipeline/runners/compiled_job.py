"""A compiled pipeline as it was written, task by task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.errors import InputError
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
