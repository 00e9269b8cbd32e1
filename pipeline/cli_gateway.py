"""`recstack gateway`: parses, then calls."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load

gateway_app = typer.Typer(
    invoke_without_command=True, help="Show people recommendations, and keep what they do."
)


class Scope(str, Enum):
    """What a key opens."""

    RECOMMEND = "recommend"
    EVENTS = "events"
    PEOPLE = "people"


@gateway_app.callback()
def gateway(
    context: typer.Context,
    server: Annotated[
        str | None,
        typer.Option("--server", help="HOST:PORT of the model server's gRPC; by default --config's."),
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on; by default --config's.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="0 for a free one; by default --config's.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Answer people's requests, and keep what they do, in front of a model server.

    recstack serve & recstack gateway
    """
    if context.invoked_subcommand is not None:
        return
    settings = load(config)
    from pipeline.commands.gateway import run_gateway

    given = {"server": server, "host": host, "port": port}
    run_gateway(settings, {name: value for name, value in given.items() if value is not None})


@gateway_app.command("key")
def gateway_key(
    file: Annotated[Path, typer.Option("--file", help="Of the keys; it is made if need be, mode 0600.")],
    name: Annotated[str, typer.Option("--name", help="Of the key, for limits; no secret.")],
    scope: Annotated[
        list[Scope], typer.Option("--scope", help="What the key opens; more than one may be named.")
    ],
) -> None:
    """Make a key for a caller, and show it, once.

    recstack gateway key --file keys --name shop --scope recommend --scope events
    """
    from pipeline.commands.gateway import make_key

    make_key(file, name, [one.value for one in scope])
