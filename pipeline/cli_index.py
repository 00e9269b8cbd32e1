"""`recstack index`: parses, then calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load

index_app = typer.Typer(no_args_is_help=True, help="The index over the corpus: let new items in.")


@index_app.command("refresh")
def index_refresh(
    items: Annotated[
        Path,
        typer.Option(
            "--items",
            help="CSV or Parquet file with the new items; its columns as the configuration maps them.",
        ),
    ],
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Leave out items that the trained corpus has already.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Push a version whose corpus holds new items as well; nothing is trained.

    Their texts and attributes place them among the others. The newest version is taken as it is, items of
    earlier refreshes included; one of those that comes again takes the place of the old row.

    recstack index refresh --items new_items.csv --config mine.yaml
    """
    settings = load(config)
    from pipeline.commands.index import refresh

    refresh(settings, items, only_new)
