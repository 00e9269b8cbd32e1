"""The graph that runs locally, addressed by URI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types.channel import Channel

from pipeline.canonical import PreparedData
from pipeline.components.drift_validator import DriftValidator
from pipeline.config.cloud import CloudConfig
from pipeline.config.run import RunConfig
from pipeline.graph import all_nodes, beam_args
from pipeline.nodes.serving import LAST_BUNDLE
from pipeline.runners.cloud_files import CloudFile, baseline_parameter
from schemas.features import Stream
from serving.components.last_pushed_bundle import LastPushedBundle

# No folder of any machine: what still names it after relocation would be looked for in a container.
_NOWHERE = Path("/recstack-nowhere")
CHECKPOINTS = "checkpoints"


def cloud_pipeline(
    config: RunConfig,
    data: PreparedData,
    schemas: dict[Stream, Path],
    cloud: CloudConfig,
    files: list[CloudFile],
) -> Pipeline:
    """The pipeline of a configuration: the steps of a local run, with addresses in the place of paths.

    One step is another one: :class:`LastPushedBundle` stands for the resolver, which asks ML Metadata with a
    strategy of our own that Kubeflow does not know. For the same reason trainings start anew, whatever
    `training.warm_start` says.

    Args:
      config: The configuration.
      data: The input files; steps are told of them by runtime parameters.
      schemas: The curated schema of each stream.
      cloud: Where it runs.
      files: The files that runtime parameters stand for.
    """

    def find_last(bundle: Channel) -> BaseNode:
        return LastPushedBundle(candidate=bundle, destination=cloud.push_destination).with_id(LAST_BUNDLE)

    validation = config.validation.model_copy(update={"served_requests": None})
    training = config.training.model_copy(update={"warm_start": False})
    nowhere = config.model_copy(update={"output": _NOWHERE, "validation": validation, "training": training})
    nodes = all_nodes(nowhere, data, schemas, find_last)
    places = _places(nowhere, cloud, files)
    for node in nodes:
        _relocate(node, places, data)
        _tell_drift_validator(node, config, cloud)
        if isinstance(node.executor_spec, BeamExecutorSpec):
            node.executor_spec.beam_pipeline_args = _beam_args(node, config, cloud)
    return Pipeline(
        pipeline_name=config.name.replace("_", "-"),  # as Kubeflow wants it
        pipeline_root=cloud.root,
        components=nodes,
        enable_cache=True,
    )


def _places(nowhere: RunConfig, cloud: CloudConfig, files: list[CloudFile]) -> dict[str, Any]:
    """Path to what steps are told instead."""
    parameters = {str(file.local): RuntimeParameter(name=file.parameter, ptype=str) for file in files}
    checkpoints = {str(nowhere.checkpoints_dir): f"{cloud.root}/{CHECKPOINTS}"}
    return {**parameters, **checkpoints, str(nowhere.bundle_dir): cloud.push_destination}


def _relocate(node: BaseNode, places: dict[str, Any], data: PreparedData) -> None:
    """Puts addresses in the place of a step's paths.

    Raises:
      ValueError: A path is left over that no container has.
    """
    for name, value in node.exec_properties.items():
        if not isinstance(value, str):
            continue
        if value in places:
            node.exec_properties[name] = places[value]
        elif str(Path(value).parent) in places:
            node.exec_properties[name] = f"{places[str(Path(value).parent)]}/{Path(value).name}"
        elif str(_NOWHERE) in value or str(data.root) in value:
            raise ValueError(f"{node.id}: the parameter {name} is a path of this machine: {value}")


def _tell_drift_validator(node: BaseNode, config: RunConfig, cloud: CloudConfig) -> None:
    """What a version learnt from, and what is requested of it, is only known when a run starts."""
    for stream in Stream:
        if node.id == f"{stream.value}.{DriftValidator.__name__}":
            if config.validation.drift:
                parameter = RuntimeParameter(name=baseline_parameter(stream), ptype=str)
                node.exec_properties["baseline"] = parameter
            if stream == Stream.INTERACTIONS and cloud.served_requests is not None:
                node.exec_properties["requests"] = cloud.served_requests


def _beam_args(node: BaseNode, config: RunConfig, cloud: CloudConfig) -> list[str]:
    """Beam's options of a step: Dataflow's if it is wanted.

    DriftValidator looks at logged requests as files of a machine, and at few.
    """
    dataflow = cloud.dataflow
    if dataflow is None or isinstance(node, DriftValidator):
        return beam_args(config.beam)
    args = {
        "runner": "DataflowRunner",
        "project": cloud.project,
        "region": cloud.region,
        "temp_location": dataflow.temp_location or f"{cloud.root}/temp",
        "sdk_container_image": cloud.image,  # the workers need this package
        "experiments": "use_runner_v2",
        "max_num_workers": str(dataflow.max_workers),
        "worker_machine_type": dataflow.machine_type,
        "subnetwork": dataflow.subnetwork,
        "service_account_email": cloud.service_account,
    }
    flags = [f"--{name}={value}" for name, value in args.items() if value is not None]
    return flags if dataflow.public_ips else [*flags, "--no_use_public_ips"]
