"""Vertex AI Pipelines: the job, and how it is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.config.cloud import CloudConfig, TrainersConfig
from pipeline.errors import InputError
from pipeline.runners.compiled_pipeline import CompiledPipeline


def vertex_job(compiled: CompiledPipeline) -> dict[str, Any]:
    """A `PipelineJob` for Vertex AI.

    The steps that train by gradient are custom jobs, with their machines; the others are containers.

    Raises:
      InputError: The configuration lacks what Vertex AI needs.
    """
    cloud, compiled = compiled.cloud, compiled.copied()
    try:
        cloud.need("Vertex AI", "project", "region")
    except ValueError as error:
        raise InputError(str(error)) from None
    if not cloud.root.startswith("gs://"):
        raise InputError(f"cloud.root: Vertex AI reads and writes gs://... only, not {cloud.root}")
    for task in compiled.node_ids:
        executor, asked = compiled.executor(task), compiled.resources(task)
        if isinstance(asked, TrainersConfig):
            spec = _job_spec(executor.pop("container"), asked, cloud)
            executor["customJob"] = {"customJob": {"displayName": task, "jobSpec": spec}}
        else:
            limits = {"cpuLimit": asked.cpu, "memoryLimit": asked.memory_gb}
            executor["container"]["resources"] = limits
    return {
        "displayName": compiled.name,
        "labels": dict(cloud.labels),
        "pipelineSpec": compiled.spec,
        "runtimeConfig": {
            "gcsOutputDirectory": cloud.root,
            "parameterValues": compiled.parameters,
        },
    }


def _job_spec(container: dict[str, Any], trainers: TrainersConfig, cloud: CloudConfig) -> dict[str, Any]:
    """A `CustomJobSpec`: the first machine is the chief, the others are in a pool of their own."""
    machine: dict[str, Any] = {"machineType": trainers.machine_type}
    if trainers.accelerator is not None:
        machine["acceleratorType"] = trainers.accelerator
        machine["acceleratorCount"] = trainers.accelerator_count
    command = {"imageUri": container["image"], "command": container["command"], "args": container["args"]}
    pools = [
        {"machineSpec": machine, "replicaCount": str(count), "containerSpec": command}
        for count in (1, trainers.replicas - 1)
        if count
    ]
    spec: dict[str, Any] = {"workerPoolSpecs": pools}
    if cloud.service_account is not None:
        spec["serviceAccount"] = cloud.service_account
    if cloud.network is not None:
        spec["network"] = cloud.network
    return spec


def submit_to_vertex(job_file: Path, cloud: CloudConfig) -> str:
    """Sends a compiled job.

    Args:
      job_file: A job of :func:`vertex_job`, as JSON.
      cloud: Where it runs, and as whom.

    Returns:
      Address of its page.

    Raises:
      InputError: There are no credentials, or Vertex AI refuses the job.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        job = pipeline_job(job_file, cloud)
        job.submit(service_account=cloud.service_account, network=cloud.network)
    except GoogleAuthError as error:
        raise InputError(
            f"no credentials for Google Cloud: {error}\n"
            "run `gcloud auth application-default login`, or name a key in GOOGLE_APPLICATION_CREDENTIALS"
        ) from error
    except GoogleAPIError as error:
        raise InputError(f"Vertex AI refuses the job: {error}") from error
    return str(job._dashboard_uri())


def pipeline_job(job_file: Path, cloud: CloudConfig, credentials: Any = None) -> Any:
    """The client's view of a job.

    Args:
      job_file: A job of :func:`vertex_job`, as JSON.
      cloud: Where it runs.
      credentials: By default they are looked for.

    Returns:
      A `google.cloud.aiplatform.PipelineJob`, not sent yet.
    """
    from google.cloud.aiplatform import PipelineJob

    job = json.loads(job_file.read_text(encoding="utf-8"))
    return PipelineJob(
        display_name=job["displayName"],
        template_path=str(job_file),
        pipeline_root=job["runtimeConfig"]["gcsOutputDirectory"],
        parameter_values=job["runtimeConfig"]["parameterValues"],
        labels=job["labels"],
        project=cloud.project,
        location=cloud.region,
        credentials=credentials,
    )
