"""`recstack data`: parses, then calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load
from pipeline.errors import InputError

data_app = typer.Typer(no_args_is_help=True, help="Fetch, look at and judge the data, without training.")


@data_app.command("fetch")
def data_fetch(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Fetch the data set and the text tower's weights into the cache, if the configuration needs any."""
    from pipeline.commands.data import fetch_all

    fetch_all(load(config))


@data_app.command("show")
def data_show(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Read and check the data, and show what the pipeline would get: counts, splits, features."""
    from pipeline.commands.data import show

    show(load(config))


@data_app.command("validate")
def data_validate(
    config: ConfigOption = DEFAULT_CONFIG,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            help="CSV or Parquet file, or folder of such files, with other interactions than the configured "
            "ones: a new day's. They are not split. For `source: csv`.",
        ),
    ] = None,
) -> None:
    """Judge the data as a run would, and train nothing; exit code 4 if they are not valid.

    They are compared with their schema, with the data of the version that is served (drift), and with
    logged requests (skew), if validation.served_requests names any.

    recstack data validate --config mine.yaml --file today.csv
    """
    from pipeline.commands.validate import validate_data

    validate_data(load(config), file)


@data_app.command("schema")
def data_schema(
    config: ConfigOption = DEFAULT_CONFIG,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for interactions.pbtxt and items.pbtxt; without it they are shown."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the files of --output.")] = False,
) -> None:
    """Propose a schema from the data, and show how it differs from the one in force.

    Read it, change what you know better, and name its folder in schema_dir.
    """
    from pipeline.commands.schema import propose

    if force and output is None:
        raise InputError("--force belongs to --output FOLDER")
    propose(load(config), output, force)
