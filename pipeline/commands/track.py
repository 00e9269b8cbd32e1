"""What `recstack run` tells the configured tracker."""

from __future__ import annotations

from pipeline.commands.report import CARD_FILE, newest_run, write_report
from pipeline.config.run import REPORT_FILE, RunConfig
from pipeline.console import native_output_to, out
from serving.report.blocks import MissingError
from serving.tracking.tracked_run import tracked_run
from serving.tracking.tracker import track


def track_newest(config: RunConfig) -> None:
    """Writes the report of the newest run and logs it with settings and figures, if a tracker is configured.

    Raises:
      InputError: The tracker cannot be reached or written.
    """
    if config.tracking.kind == "none":
        return
    write_report(config, None)
    run = newest_run(config)
    try:
        record = run.evaluation
    except MissingError as error:
        out.print(f"not tracked: {str(error)[:1].lower()}{str(error)[1:]}")
        return
    files = (config.run_dir / REPORT_FILE, config.run_dir / CARD_FILE)
    with native_output_to() as console, console.status("telling the tracker"):
        where = track(config, tracked_run(config, run.run.name, record, files))
    out.print(f"tracked: {config.tracking.kind}, {where}")
