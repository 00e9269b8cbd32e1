"""`recstack playground`: parses, then calls."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load


def playground(
    port: Annotated[
        int | None, typer.Option("--port", help="Of the page; 0 for a free one; by default --config's.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Train if need be, start model server and gateway, and say where their page is.

    Ctrl-C ends both. Their logs are in the run's folder, in playground/.
    """
    settings = load(config)
    from pipeline.commands.playground import play

    play(settings, config, port)
