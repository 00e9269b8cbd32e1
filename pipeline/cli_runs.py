"""`recstack runs`: parses, then calls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

runs_app = typer.Typer(
    invoke_without_command=True, help="List the runs that came to a verdict, or compare two of them."
)

OutputOption = Annotated[
    Path, typer.Option("--output", "-o", help="What the configurations name as `output`.")
]
_DEFAULT_OUTPUT = Path("runs")


@runs_app.callback()
def runs(context: typer.Context, output: OutputOption = _DEFAULT_OUTPUT) -> None:
    """List the judged runs of every pipeline in a folder: verdict, duration, overall figures.

    recstack runs --output runs

    recstack runs compare movielens_100k/21 movielens_100k/43
    """
    if context.invoked_subcommand is None:
        from pipeline.commands.runs import list_runs

        list_runs(output)


@runs_app.command("compare")
def runs_compare(
    first: Annotated[str, typer.Argument(help="A run as `recstack runs` names it, or a pipeline's name.")],
    second: Annotated[str, typer.Argument(help="Likewise.")],
    output: OutputOption = _DEFAULT_OUTPUT,
) -> None:
    """Show two runs side by side, with the differences of their figures."""
    from pipeline.commands.runs import compare_runs

    compare_runs(output, first, second)
