"""`recstack compile` and `recstack submit`: parse, then call."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load


class Platform(str, Enum):
    """Where a pipeline runs that does not run here."""

    KUBEFLOW = "kubeflow"
    VERTEX = "vertex"


RunnerOption = Annotated[Platform, typer.Option("--runner", "-r", help="The platform.")]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The file: .yaml for Kubeflow, .json for Vertex AI; by default in the run's folder.",
    ),
]


def compile_pipeline(
    runner: RunnerOption,
    output: OutputOption = None,
    upload: Annotated[
        bool, typer.Option("--upload", help="Upload its data as well, for a scheduler of your own.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write the pipeline for Kubeflow Pipelines or Vertex AI Pipelines; no run is started.

    The steps are those of `recstack run`, with addresses in the place of paths; the configuration's section
    cloud says which.

    recstack compile --runner vertex --config mine.yaml --output job.json
    """
    settings = load(config)
    from pipeline.commands.compile import compile_for

    compile_for(settings, runner.value, output, upload)


def submit(
    runner: RunnerOption,
    output: OutputOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; no network, no credentials.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Prepare the data here, upload them, and run the pipeline on Kubeflow or Vertex AI.

    recstack submit --runner vertex --config mine.yaml --dry-run
    """
    settings = load(config)
    from pipeline.commands.submit import submit_to

    submit_to(settings, runner.value, output, dry_run)
