"""`recstack submit`."""

from __future__ import annotations

from pathlib import Path

from pipeline.commands.compile import Runner, compiled_pipeline, output_file, uploaded, write_job
from pipeline.config.run import RunConfig
from pipeline.console import out
from pipeline.errors import InputError
from pipeline.runners.compiled_pipeline import CompiledPipeline
from pipeline.runners.kubeflow import submit_to_kubeflow
from pipeline.runners.vertex import submit_to_vertex


def submit_to(config: RunConfig, runner: Runner, output: Path | None, dry_run: bool) -> None:
    """Prepares the data here, uploads them, and sends the pipeline.

    Args:
      config: The configuration.
      runner: The platform.
      output: Where the job is kept; by default in the run's folder.
      dry_run: Whether to show what would be done, without network and credentials.

    Raises:
      RecstackError: See :mod:`pipeline.errors`.
    """
    file = output_file(config, runner, output)
    if runner == "kubeflow" and config.cloud is not None and config.cloud.host is None:
        raise InputError("cloud.host: missing; name the address of the API of Kubeflow Pipelines")
    compiled = compiled_pipeline(config)
    if dry_run:
        write_job(compiled, runner, file)
        _show(compiled, runner, file)
        return
    compiled = uploaded(compiled)
    write_job(compiled, runner, file)
    if runner == "vertex":
        out.print(f"sent: {submit_to_vertex(file, compiled.cloud)}")
    else:
        out.print(f"sent: run {submit_to_kubeflow(file, compiled)} at {compiled.cloud.host}")


def _show(compiled: CompiledPipeline, runner: Runner, file: Path) -> None:
    """What a submission would do."""
    out.print(f"{file}: {len(compiled.node_ids)} steps; nothing is sent (--dry-run)")
    for upload in compiled.files:
        out.print(f"would upload {upload.local} to {upload.uri}", soft_wrap=True)
    where = compiled.cloud.host if runner == "kubeflow" else f"Vertex AI, {compiled.cloud.region}"
    out.print(f"would send {compiled.name} to {where}")
