"""Kubeflow Pipelines: the documents, and how a run is started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.config.cloud import CloudConfig, TrainersConfig
from pipeline.errors import InputError
from pipeline.runners.compiled_pipeline import CompiledPipeline

_PLATFORM = "kubernetes"


def kubeflow_documents(compiled: CompiledPipeline) -> list[dict[str, Any]]:
    """A `PipelineSpec`, and, where nodes are chosen, a `PlatformSpec` behind it.

    Raises:
      InputError: The configuration asks for what Kubeflow does not have.
    """
    trainers = compiled.cloud.trainers
    if trainers.replicas > 1:
        raise InputError(
            f"cloud.trainers.replicas is {trainers.replicas}: a step of Kubeflow Pipelines is one pod; "
            "Vertex AI trains on several machines"
        )
    chosen, compiled = {}, compiled.copied()
    for task in compiled.node_ids:
        container, asked = compiled.executor(task)["container"], compiled.resources(task)
        resources: dict[str, Any] = {"cpuLimit": asked.cpu, "memoryLimit": asked.memory_gb}
        if isinstance(asked, TrainersConfig):
            if asked.accelerator is not None:
                resources["accelerator"] = {"type": asked.accelerator, "count": str(asked.accelerator_count)}
            if asked.node_selector:
                label = compiled.spec["components"][task]["executorLabel"]
                chosen[label] = {"nodeSelector": {"labels": dict(asked.node_selector)}}
        container["resources"] = resources
    if not chosen:
        return [compiled.spec]
    return [compiled.spec, {"platforms": {_PLATFORM: {"deploymentSpec": {"executors": chosen}}}}]


def submit_to_kubeflow(file: Path, compiled: CompiledPipeline) -> str:
    """Starts a run.

    Args:
      file: The documents of :func:`kubeflow_documents`, as YAML.
      compiled: What they were made from.

    Returns:
      The run's id.

    Raises:
      InputError: The host does not answer, or it refuses the run.
    """
    cloud = compiled.cloud
    client = _client(cloud)
    try:
        run = client.create_run_from_pipeline_package(
            str(file),
            arguments=compiled.parameters,
            run_name=compiled.name,
            experiment_name=compiled.name,
            pipeline_root=cloud.root,
            service_account=cloud.service_account,
        )
    except Exception as error:  # of the client's many
        raise InputError(f"Kubeflow Pipelines at {cloud.host} refuses the run: {error}") from error
    return str(run.run_id)


def _client(cloud: CloudConfig) -> Any:
    """A client of Kubeflow Pipelines; it looks for credentials by itself."""
    from kfp.client import Client

    try:
        return Client(host=cloud.host)
    except Exception as error:  # of the client's many
        raise InputError(
            f"cannot reach Kubeflow Pipelines at {cloud.host}: {error}\n"
            "see that the address is right, and that you are logged in; in a cluster, forward its port with "
            "`kubectl port-forward -n kubeflow svc/ml-pipeline 8888`"
        ) from error
