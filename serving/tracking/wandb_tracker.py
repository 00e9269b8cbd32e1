"""Logs a run to Weights & Biases."""

from __future__ import annotations

from pathlib import Path

from serving.tracking.tracked_run import TrackedRun


def log_to_wandb(run: TrackedRun, folder: Path, uri: str | None) -> str:
    """Logs parameters, figures, tags and files as one run.

    Args:
      run: What is logged.
      folder: Gets the folder `wandb` with what is logged.
      uri: Of a server; without one the client works offline.

    Returns:
      Folder of the run's files.
    """
    import wandb

    settings = wandb.Settings(
        mode="offline" if uri is None else "online",
        silent=True,
        console="off",
        # Neither this repository's state nor this machine's is the run's.
        disable_git=True,
        x_disable_stats=True,
    )
    if uri is not None:
        settings.base_url = uri
    logged = wandb.init(
        project=run.experiment,
        name=run.name,
        config=run.parameters,
        tags=[f"{key}:{value}" for key, value in run.tags.items()],
        dir=str(folder),
        settings=settings,
    )
    logged.log(run.figures)
    artifact = wandb.Artifact("report", type="report")
    for file in run.files:
        artifact.add_file(str(file))
    logged.log_artifact(artifact)
    logged.finish()
    return logged.dir
