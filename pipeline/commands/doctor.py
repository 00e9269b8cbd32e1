"""`recstack doctor`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.markup import escape

from pipeline.console import native_output_to, out
from pipeline.doctor import Diagnosis, diagnose
from pipeline.errors import BundleError, StackError

_NAME_WIDTH = 28


def show_diagnoses(output: Path) -> None:
    """Shows every check of this environment as it ends.

    Args:
      output: Where runs would write.

    Raises:
      StackError: A check failed.
    """
    failed = _show(diagnose(output))
    if failed:
        raise StackError(failed)
    out.print("all is well")


def show_bundle_diagnoses(bundle: Path, server: str | None) -> None:
    """Shows every check of a bundle as it ends.

    Args:
      bundle: Folder of a version, or of all.
      server: What must be able to load it; see :func:`serving.bundle_check.check_bundle`.

    Raises:
      InputError: There is no bundle.
      BundleError: A check failed.
    """
    from serving.bundle_check import check_bundle

    failed = _show(check_bundle(bundle, server))
    if failed:
        raise BundleError(failed)
    out.print("all is well")


def _show(diagnoses: Iterable[Diagnosis]) -> str | None:
    """Shows diagnoses; what to say in the end if any is bad."""
    failures = 0
    with native_output_to() as console:
        for diagnosis in diagnoses:
            mark = "[green]✓[/green]" if diagnosis.cure is None else "[red]✗[/red]"
            console.print(f"  {mark} {escape(diagnosis.name):<{_NAME_WIDTH}} {escape(diagnosis.found)}")
            if diagnosis.cure is not None:
                failures += 1
                console.print(f"    [yellow]cure:[/yellow] {escape(diagnosis.cure)}")
    if not failures:
        return None
    return f"{failures} {'check' if failures == 1 else 'checks'} failed; see the cures above"
