"""Logs a run to the configured tracker."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from pipeline.config.run import RunConfig
from pipeline.errors import InputError
from serving.tracking.mlflow_tracker import log_to_mlflow
from serving.tracking.tracked_run import TrackedRun
from serving.tracking.wandb_tracker import log_to_wandb

# Folders in `output` of what stays on this machine.
MLFLOW_DIR, WANDB_DIR = "mlruns", "wandb"


def check_tracker(config: RunConfig) -> None:
    """Checks, before anything is computed, that the configured tracker is installed.

    Raises:
      InputError: It is not; the message names the extra.
    """
    kind = config.tracking.kind
    if kind != "none" and find_spec(kind) is None:
        raise InputError(
            f"tracking.kind is {kind}, which is not installed; install the extra with "
            f"`pip install 'recstack[{kind}]'`, or set tracking.kind to none"
        )


def track(config: RunConfig, run: TrackedRun) -> str | None:
    """Logs a run.

    Args:
      config: Names the tracker.
      run: What is logged.

    Returns:
      Where it went; `None` if no tracker is configured.

    Raises:
      InputError: The tracker is not installed, or cannot be reached or written.
    """
    check_tracker(config)
    tracking, output = config.tracking, config.output.resolve()
    if tracking.kind == "none":
        return None
    try:
        if tracking.kind == "mlflow":
            uri = tracking.uri or (output / MLFLOW_DIR).as_uri()
            log_to_mlflow(run, uri)
            return uri
        folder: Path = output / WANDB_DIR
        log_to_wandb(run, output, tracking.uri)
    # The trackers raise whatever their clients raise, and what was trained is there all the same.
    except Exception as error:
        raise InputError(
            f"the run is done, and cannot be logged to {tracking.kind}: {error}; mend tracking.uri, or set "
            "tracking.kind to none"
        ) from error
    return tracking.uri or str(folder)
