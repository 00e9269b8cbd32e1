"""Where a run's settings and figures are logged, beside TensorBoard's curves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pipeline.config.base import Frozen


class TrackingConfig(Frozen):
    """An experiment tracker.

    Attributes:
      kind: `none`, `mlflow` or `wandb`; each but the first is an extra of its own, `recstack[mlflow]` and
        `recstack[wandb]`.
      experiment: Name of MLflow's experiment or of the project at Weights & Biases; by default the
        pipeline's.
      uri: Of MLflow's server, or a folder for its store of files; by default `mlruns` in `output`. For
        Weights & Biases the address of a server; by default its client works offline, and what is
        written to `wandb` in `output` can be sent later by `wandb sync`.
    """

    kind: Literal["none", "mlflow", "wandb"] = "none"
    experiment: str | None = Field(default=None, min_length=1)
    uri: str | None = Field(default=None, min_length=1)
