"""`recstack runs`."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from pipeline.console import out, seconds_text
from serving.report.figures import ABSENT, number
from serving.report.run_list import JudgedRun, find_runs, named_run

# Of the lists, and of each task; `compare` shows all.
_LISTED, _LISTED_OF_TASK = 2, 1
_FIGURE_WIDTH = 9
_COLOURS = {"blessed": "green", "refused": "red", "unknown": "yellow"}


def list_runs(output: Path) -> None:
    """Shows every judged run: its verdict, its duration and its overall figures.

    Raises:
      InputError: There is none.
    """
    runs = find_runs(output)
    names = _listed(list(dict.fromkeys(name for run in runs for name in run.figures)))
    table = Table(box=None, header_style="bold")
    for heading in ("run", "began", "verdict"):
        table.add_column(heading, no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    for heading in names:
        table.add_column(escape(heading.replace("/", " ")), justify="right", min_width=_FIGURE_WIDTH)
    for run in runs:
        figures = (number(run.figures.get(name)) for name in names)
        table.add_row(
            escape(run.name),
            f"{run.began:%Y-%m-%d %H:%M}",
            _verdict(run),
            seconds_text(run.seconds),
            *figures,
        )
    out.print(table)
    out.print("compare two with `recstack runs compare RUN RUN`; a pipeline's name means its newest run")


def compare_runs(output: Path, first: str, second: str) -> None:
    """Shows two runs side by side.

    Args:
      output: Folder of the pipelines' folders.
      first: Name of a run, or of a pipeline.
      second: Likewise.

    Raises:
      InputError: There is no such run.
    """
    runs = find_runs(output)
    before, after = named_run(runs, first), named_run(runs, second)
    table = Table(box=None, header_style="bold")
    table.add_column("")
    for heading in (before.name, after.name, "change", "relative"):
        table.add_column(escape(heading), justify="right")
    table.add_row("began", *(f"{run.began:%Y-%m-%d %H:%M}" for run in (before, after)))
    table.add_row("verdict", _verdict(before), _verdict(after))
    table.add_row("took", seconds_text(before.seconds), seconds_text(after.seconds))
    for name in dict.fromkeys((*before.figures, *after.figures)):
        table.add_row(escape(name), *_compared(before.figures.get(name), after.figures.get(name)))
    out.print(table)


def _listed(names: list[str]) -> list[str]:
    """The first figures of the lists, and those of each task."""
    lists = [name for name in names if "/" not in name]
    tasks: dict[str, list[str]] = {}
    for name in names:
        if "/" in name:
            tasks.setdefault(name.partition("/")[0], []).append(name)
    return lists[:_LISTED] + [name for of_task in tasks.values() for name in of_task[:_LISTED_OF_TASK]]


def _verdict(run: JudgedRun) -> str:
    return f"[{_COLOURS[run.verdict]}]{run.verdict}[/]"


def _compared(before: float | None, after: float | None) -> tuple[str, str, str, str]:
    """Two figures, their difference, and that relative to the first."""
    if before is None or after is None:
        return number(before), number(after), ABSENT, ABSENT
    relative = f"{(after - before) / abs(before):+.1%}" if before else ABSENT
    return number(before), number(after), f"{after - before:+.4f}", relative
