"""`recstack events`: parses, then calls."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli_options import DEFAULT_CONFIG, ConfigOption, load
from pipeline.errors import InputError

events_app = typer.Typer(
    no_args_is_help=True,
    help="What people did with what they were shown: count, write out, hand over, erase.",
)

_User = Annotated[str, typer.Option("--user", "-u", help="The user's id, as the source has it.")]
_Since = Annotated[
    datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="First day (UTC) of the lists.")
]
_Until = Annotated[
    datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Last day (UTC) of the lists.")
]
_Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the same as JSON.")]


@events_app.command("show")
def events_show(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Count the events of the log by day and kind."""
    from pipeline.commands.events import show

    show(load(config))


@events_app.command("export")
def events_export(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Write each day (UTC) that is over as a span, for `feedback` of the configuration to learn from.

    What was written stays as it is: the same command again writes what is missing.
    """
    from pipeline.commands.events import export

    export(load(config))


@events_app.command("export-user")
def events_export_user(
    user: _User,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new JSON file, mode 0600; without it, shown.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Give all that the log has of a user, as JSON: what they did, and the lists that they got."""
    from pipeline.commands.events import export_user

    export_user(load(config), user, output)


@events_app.command("erase")
def events_erase(user: _User, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Erase a user from the log and from the spans that were written out of it, and from nothing else.

    `recstack data erase-user` erases them from all that a run left, these events included.
    """
    from pipeline.commands.events import erase

    erase(load(config), user)


@events_app.command("report")
def events_report(
    since: _Since = None, until: _Until = None, output: _Output = None, config: ConfigOption = DEFAULT_CONFIG
) -> None:
    """Compare the arms of the experiment: what users did, and which differences are more than chance."""
    from pipeline.commands.experiments import Period, report

    report(load(config), Period(since and since.date(), until and until.date()), output)


@events_app.command("evaluate")
def events_evaluate(
    label: Annotated[
        Literal["stable", "canary"] | None,
        typer.Option("--label", help="Of the version that is judged."),
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Its number, in place of a label.")
    ] = None,
    reward: Annotated[
        Literal["click", "like", "purchase", "rating"], typer.Option("--reward", help="What a list earns by.")
    ] = "click",
    ranks: Annotated[int, typer.Option("--ranks", min=1, help="How many places of a list count.")] = 3,
    max_weight: Annotated[float, typer.Option("--max-weight", min=1, help="Of a list.")] = 50.0,
    max_lists: Annotated[int, typer.Option("--max-lists", min=1, help="Of more, a sample.")] = 10_000,
    since: _Since = None,
    until: _Until = None,
    output: _Output = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Say what another version would have earned, from lists that were served with exploration.

    The model server must have the version. Lists that it may have learnt from do not count.

    recstack events evaluate --label canary

    recstack events evaluate --version 7 --since 2025-11-25
    """
    from pipeline.commands.evaluate import EvaluationSettings, Period, evaluate

    asked = version if label is None else label
    if asked is None or None not in (label, version):
        raise InputError("say which version is judged: either --label LABEL or --version NUMBER")
    settings = EvaluationSettings(reward, ranks, max_weight, max_lists)
    evaluate(load(config), asked, Period(since and since.date(), until and until.date()), settings, output)
