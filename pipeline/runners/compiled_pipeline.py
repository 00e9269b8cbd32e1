"""A pipeline in the form of Kubeflow Pipelines, and what both platforms have in common."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.canonical import PreparedData
from pipeline.config.cloud import CloudConfig, StepResources
from pipeline.config.run import RunConfig
from pipeline.errors import InputError
from pipeline.runners.cloud_files import CloudFile, baseline_parameter, cloud_files
from pipeline.schema_files import schema_files
from schemas.features import Stream

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_node import BaseNode

COMMAND = ("python", "-m", "pipeline.runners.container_step")
_LOG = "model_run"  # the output that steps have which train by gradient


@dataclass(frozen=True)
class CompiledPipeline:
    """A compiled pipeline.

    Attributes:
      name: The pipeline's name there.
      spec: A `PipelineSpec` of Kubeflow Pipelines, version 2.1, as JSON.
      parameters: Values of the runtime parameters, which the spec has as defaults as well.
      files: The files that some of them stand for.
      data: The input files.
      node_ids: Task name to the id of the step in the local graph.
      trainers: Names of the tasks that train by gradient.
      cloud: Where it is to run.
    """

    name: str
    spec: dict[str, Any]
    parameters: dict[str, str]
    files: list[CloudFile]
    data: PreparedData
    node_ids: dict[str, str]
    trainers: frozenset[str]
    cloud: CloudConfig

    def with_parameters(self, values: Mapping[str, str]) -> CompiledPipeline:
        """The same with other values of those parameters that it has."""
        parameters = {name: values.get(name, value) for name, value in self.parameters.items()}
        root = self.spec["root"]
        defined = {
            name: {**definition, "defaultValue": parameters[name]}
            for name, definition in root["inputDefinitions"]["parameters"].items()
        }
        spec = {**self.spec, "root": {**root, "inputDefinitions": {"parameters": defined}}}
        return replace(self, spec=spec, parameters=parameters)

    def copied(self) -> CompiledPipeline:
        """The same with a specification of its own, which may be changed."""
        return replace(self, spec=copy.deepcopy(self.spec))

    def executor(self, task: str) -> dict[str, Any]:
        """A task's executor in the spec."""
        label = self.spec["components"][task]["executorLabel"]
        executor: dict[str, Any] = self.spec["deploymentSpec"]["executors"][label]
        return executor

    def resources(self, task: str) -> StepResources:
        """What a task asks for."""
        return self.cloud.resources_of(self.node_ids[task], task in self.trainers)


def compile_pipeline(config: RunConfig, data: PreparedData) -> CompiledPipeline:
    """Compiles the pipeline of a configuration by TFX's runner for Kubeflow Pipelines.

    Args:
      config: The configuration.
      data: The input files.

    Raises:
      InputError: The configuration cannot run elsewhere; the message says why.
    """
    cloud = _checked_cloud(config)
    schemas = schema_files(config, data)
    files = cloud_files(data, schemas, cloud)
    from pipeline.nodes.serving import LAST_BUNDLE, PUSHER
    from pipeline.runners.cloud_graph import cloud_pipeline

    pipeline = cloud_pipeline(config, data, schemas, cloud, files)
    nodes: list[BaseNode] = list(pipeline.components)
    uncached = {LAST_BUNDLE, PUSHER}  # they look at, or change, what is outside
    if cloud.served_requests is not None:  # so does the judge of requests, which come in all the time
        uncached.add(f"{Stream.INTERACTIONS.value}.DriftValidator")
    parameters = {file.parameter: file.uri for file in files}
    if config.validation.drift:
        parameters |= {baseline_parameter(stream): "" for stream in Stream}
    return CompiledPipeline(
        name=pipeline.pipeline_info.pipeline_name,
        spec=_spec(pipeline, cloud, parameters, uncached),
        parameters=parameters,
        files=files,
        data=data,
        node_ids={task_name(node.id): node.id for node in nodes},
        trainers=frozenset(task_name(node.id) for node in nodes if _LOG in node.outputs),
        cloud=cloud,
    )


def task_name(node_id: str) -> str:
    """A step's name among the tasks; Argo, below Kubeflow, takes no dots."""
    return node_id.replace(".", "-")


def _checked_cloud(config: RunConfig) -> CloudConfig:
    """The section `cloud`, if a run elsewhere finds all that it needs.

    Raises:
      InputError: It does not.
    """
    if config.cloud is None:
        raise InputError("cloud: missing; say at least its image and root (docs/kubeflow.md, docs/vertex.md)")
    if config.text.folder() is not None:
        raise InputError(
            f"text.weights: {config.text.weights} is a folder of this machine; put the weights into the "
            "image, under RECSTACK_CACHE, and say minilm, or say random"
        )
    if config.validation.served_requests is not None and config.cloud.served_requests is None:
        raise InputError(
            f"validation.served_requests: {config.validation.served_requests} is a path of this machine; "
            "name the requests' address as cloud.served_requests, too"
        )
    return config.cloud


def _spec(
    pipeline: Any, cloud: CloudConfig, parameters: dict[str, str], uncached: set[str]
) -> dict[str, Any]:
    """What TFX makes of the pipeline, with names, caching, defaults and root as they should be."""
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import (
        KubeflowV2DagRunner,
        KubeflowV2DagRunnerConfig,
    )

    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(
            default_image=cloud.image, default_commands=list(COMMAND), use_pipeline_spec_2_1=True
        )
    )
    spec: dict[str, Any] = runner.run(pipeline, parameter_values=parameters, write_out=False)["pipelineSpec"]
    for node_id in uncached:
        spec["root"]["dag"]["tasks"][node_id]["cachingOptions"] = {"enableCache": False}
    for executor in spec["deploymentSpec"]["executors"].values():
        # TFX's driver takes a fingerprint of the input; here its address is one.
        executor["container"].pop("lifecycle", None)
    for name, definition in spec["root"]["inputDefinitions"]["parameters"].items():
        definition["defaultValue"] = parameters[name]
    spec["defaultPipelineRoot"] = cloud.root
    renamed: dict[str, Any] = _renamed(spec, task_name)
    return renamed


def _renamed(spec: dict[str, Any], rename: Callable[[str], str]) -> dict[str, Any]:
    """The spec with other names of tasks, components and executors."""
    tasks = {}
    for name, task in spec["root"]["dag"]["tasks"].items():
        for artifact in task.get("inputs", {}).get("artifacts", {}).values():
            produced = artifact["taskOutputArtifact"]
            produced["producerTask"] = rename(produced["producerTask"])
        task["componentRef"]["name"] = rename(task["componentRef"]["name"])
        task["dependentTasks"] = [rename(other) for other in task.get("dependentTasks", [])]
        tasks[rename(name)] = task
    components = {}
    for name, component in spec["components"].items():
        component["executorLabel"] = rename(component["executorLabel"])
        components[rename(name)] = component
    executors = {rename(name): value for name, value in spec["deploymentSpec"]["executors"].items()}
    return {
        **spec,
        "root": {**spec["root"], "dag": {**spec["root"]["dag"], "tasks": tasks}},
        "components": components,
        "deploymentSpec": {**spec["deploymentSpec"], "executors": executors},
    }
