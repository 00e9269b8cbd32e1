"""What several parts of the command line share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.config.run import RunConfig

DEFAULT_CONFIG = Path("configs/movielens_100k.yaml")

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The YAML configuration of the pipeline.")]


def load(path: Path) -> RunConfig:
    """Reads the configuration; see :func:`pipeline.config.run.load_config`."""
    from pipeline.config.run import load_config

    return load_config(path)
