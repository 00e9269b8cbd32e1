"""`recstack report`."""

from __future__ import annotations

from pathlib import Path

from pipeline.config.run import REPORT_FILE, RunConfig
from pipeline.console import native_output_to, out
from pipeline.errors import InputError
from serving.report.blocks import MissingError
from serving.report.card_page import card_page
from serving.report.page import write_file
from serving.report.report import report_page
from serving.report.run_card import run_card
from serving.report.run_files import RunFiles

CARD_FILE, CARD_PAGE = "model_card.json", "model_card.html"


def write_report(config: RunConfig, output: Path | None) -> None:
    """Writes the report of the newest run, and its model card beside it, and says where.

    Args:
      config: The configuration.
      output: The report's file; by default `report.html` in the run's folder.

    Raises:
      InputError: There is no run, or a file cannot be written.
    """
    path = output or config.run_dir / REPORT_FILE
    if not path.parent.is_dir() and output is not None:
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")
    with native_output_to() as console, console.status("making the report"):
        run = newest_run(config)
        page = report_page(run)
    write_file(path, page)
    out.print(f"report: {path}")
    try:
        card = run_card(run, config)
    except MissingError as error:
        out.print(f"no model card: {str(error)[:1].lower()}{str(error)[1:]}")
        return
    write_file(path.with_name(CARD_FILE), f"{card.to_json()}\n")
    write_file(path.with_name(CARD_PAGE), card_page(card))
    out.print(f"model card: {path.with_name(CARD_FILE)}, {path.with_name(CARD_PAGE)}")


def newest_run(config: RunConfig) -> RunFiles:
    """The newest run of a configuration.

    Raises:
      InputError: There is none.
    """
    return RunFiles.newest(config.name, config.seed, config.run_dir, config.metadata_file, config.steps_dir)
