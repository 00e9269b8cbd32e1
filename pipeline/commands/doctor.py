"""`recstack doctor`."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from pipeline.console import native_output_to, out
from pipeline.doctor import diagnose
from pipeline.errors import StackError

_NAME_WIDTH = 26


def show_diagnoses(output: Path) -> None:
    """Shows every check as it ends.

    Args:
      output: Where runs would write.

    Raises:
      StackError: A check failed.
    """
    failures = 0
    with native_output_to() as console:
        for diagnosis in diagnose(output):
            mark = "[green]✓[/green]" if diagnosis.cure is None else "[red]✗[/red]"
            console.print(f"  {mark} {escape(diagnosis.name):<{_NAME_WIDTH}} {escape(diagnosis.found)}")
            if diagnosis.cure is not None:
                failures += 1
                console.print(f"    [yellow]cure:[/yellow] {escape(diagnosis.cure)}")
    if failures:
        raise StackError(f"{failures} {'check' if failures == 1 else 'checks'} failed; see the cures above")
    out.print("all is well")
