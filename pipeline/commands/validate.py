"""`recstack data validate`."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.canonical import PreparedData, prepare
from pipeline.commands.data import show_summary
from pipeline.config.data import UNSPLIT, CsvSource
from pipeline.config.run import RunConfig
from pipeline.console import StepReporter, native_output_to, news, out
from pipeline.errors import InputError
from pipeline.locking import exclusive
from pipeline.references import check_references
from pipeline.runners.local import VALIDATION_LOG, validate_locally
from schemas.features import Stream
from serving.layout import newest_statistics, versions


def validate_data(config: RunConfig, file: Path | None) -> None:
    """Prepares and judges the data, and shows steps and verdict.

    Everything is written into `validation` in the run's folder, in place of what the last call left
    there: data that were only judged need not be kept. What is configured (without `file`) is prepared
    where a run prepares it, and the run reuses it.

    Args:
      config: The configuration.
      file: Other interactions; they are not split, so that they may be few.

    Raises:
      AnomalyError: The data are not valid.
      InputError: They cannot be read, or there is something wrong with what they are compared with.
    """
    if file is not None:
        config = with_interactions(config, file)
    check_references(config)
    folder = config.validation_dir
    try:
        config.run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {config.run_dir}: {error.strerror}") from error
    with exclusive(config.run_dir / "validation.lock"):
        shutil.rmtree(folder, ignore_errors=True)
        with news(out):
            data = prepare(config) if file is None else prepare(config, UNSPLIT, folder / "data")
        folder.mkdir(exist_ok=True)
        show_summary(data)
        log = folder / VALIDATION_LOG
        out.print(f"validation: {config.name} (log: {log})")
        with native_output_to(log) as console:
            reporter = StepReporter(console)
            with reporter.live():
                validate_locally(config, data, folder, reporter)
    out.print(f"rows:   {_rejected(data)}\n{_references(config)}\n[green]the data are valid[/green]")


def with_interactions(config: RunConfig, file: Path) -> RunConfig:
    """The configuration with other interactions, a file or a folder of files, and no others.

    Raises:
      InputError: Its source has no such file.
    """
    source = config.data
    if not isinstance(source, CsvSource):
        raise InputError(
            f"--file stands for the interactions of `source: csv`, and the source is {source.source}; "
            "leave it out, or copy the configuration and name other files there"
        )
    interactions = source.interactions.model_copy(update={"path": file, "spans": None})
    data = source.model_copy(update={"interactions": interactions})
    return config.model_copy(update={"data": data, "feedback": None})


def _rejected(data: PreparedData) -> str:
    """How many rows of all tables were kept out."""
    tables = data.summary["cleaning"].values()
    read, kept = (sum(table[name] for table in tables) for name in ("read", "kept"))
    return f"{read - kept:,} of {read:,} rejected"


def _references(config: RunConfig) -> str:
    """What the data were compared with."""
    served = newest_statistics(config.bundle_dir, Stream.INTERACTIONS)
    if not config.validation.drift:
        drift = "not looked for"
    elif served is None:
        drift = "nothing to compare with, since no version is pushed"
    else:
        drift = f"within bounds, against the data of version {versions(config.bundle_dir)[-1]}"
    requests = config.validation.served_requests
    skew = "no requests to compare with" if requests is None else f"within bounds, against {requests}"
    return f"schema: fits\ndrift:  {drift}\nskew:   {skew}"
