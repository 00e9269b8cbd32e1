"""`recstack endpoint`: parses, then calls."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load

endpoint_app = typer.Typer(
    no_args_is_help=True, help="Serve the bundle's versions on an endpoint of Vertex AI."
)

VersionOption = Annotated[
    int | None, typer.Option("--version", min=1, help="Of the bundle; by default what canary is on.")
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Send nothing, and show the requests, as to a project without model and endpoint.",
    ),
]


@endpoint_app.command("upload")
def endpoint_upload(
    artifacts: Annotated[
        str,
        typer.Option(
            "--artifacts", help="gs:// folder that holds the version's own folder, N/saved_model.pb, alone."
        ),
    ],
    version: VersionOption = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Make a pushed version a version of the model in Vertex AI. Nothing is deployed.

    recstack endpoint upload --artifacts gs://bucket/endpoint/3 --version 3 --config mine.yaml
    """
    from pipeline.commands.endpoint import upload_version

    upload_version(load(config), artifacts, version, dry_run)


@endpoint_app.command("deploy")
def endpoint_deploy(
    version: VersionOption = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Put an uploaded version on the endpoint, which is made if need be.

    The first one gets every request, a later one none until `split` gives it some.
    """
    from pipeline.commands.endpoint import deploy_version

    deploy_version(load(config), version, dry_run)


@endpoint_app.command("split")
def endpoint_split(
    shares: Annotated[list[str], typer.Argument(metavar="VERSION=PERCENT...", help="100 in sum.")],
    dry_run: DryRunOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Give deployed versions their shares of the requests; those that are not named get none.

    recstack endpoint split 3=90 4=10 --config mine.yaml
    """
    from pipeline.commands.endpoint import split_requests

    split_requests(load(config), shares, dry_run)


@endpoint_app.command("undeploy")
def endpoint_undeploy(
    version: Annotated[int, typer.Option("--version", min=1, help="Of the bundle; it gets no requests.")],
    dry_run: DryRunOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Take a version off the endpoint. The model keeps it, and `deploy` brings it back."""
    from pipeline.commands.endpoint import undeploy_version

    undeploy_version(load(config), version, dry_run)


@endpoint_app.command("show")
def endpoint_show(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Show which versions the endpoint has, and the share of each."""
    from pipeline.commands.endpoint import show_endpoint

    show_endpoint(load(config))
