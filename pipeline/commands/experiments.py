"""`recstack events report`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from gateway.events.day_files import day_files
from gateway.experiments.outcomes import Period, outcomes, served_lists
from gateway.experiments.report import COUNTS, Compared, ExperimentReport, experiment_report
from pipeline.config.run import RunConfig
from pipeline.console import out
from pipeline.errors import InputError
from pipeline.files import replaced
from pipeline.privacy.policy import stored_key


def report(config: RunConfig, period: Period, output: Path | None) -> None:
    """Compares the arms of the configured experiment.

    Args:
      config: The configuration; `gateway.experiment` says which.
      period: Days on which lists were served.
      output: JSON file of the same; `None` for none.

    Raises:
      InputError: There is no experiment, no log, or no list of the experiment in it.
      EventLogError: The log cannot be read.
    """
    experiment = config.gateway.experiment
    if experiment is None:
        raise InputError("gateway.experiment is not configured: there are no arms to compare")
    log, key = event_log(config)
    found = experiment_report(
        experiment.name,
        experiment.canary_share,
        served_lists(log, key, period),
        outcomes(log, key, period),
    )
    if not sum(found.users.values()) + found.moved:
        raise InputError(f"{log} has no list of the experiment {experiment.name} on these days")
    if output is not None:
        write_json(output, {"experiment": experiment.model_dump(), **_as_json(found)})
    _show(experiment.name, found)


def event_log(config: RunConfig) -> tuple[Path, str | None]:
    """Folder of the log, and the fingerprint of its key.

    Raises:
      InputError: There is no log.
    """
    if not day_files(config.event_log_dir):
        raise InputError(f"there are no events in {config.event_log_dir}: the gateway keeps them there")
    key = stored_key(config)
    return config.event_log_dir, key.fingerprint if key else None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Writes a JSON file, whole.

    Raises:
      InputError: It cannot be written.
    """
    try:
        with replaced(path) as file:
            file.write(f"{json.dumps(content, indent=2, allow_nan=False)}\n".encode())
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error


def number(value: float) -> float | None:
    """As JSON has it, which knows no NaN."""
    return value if math.isfinite(value) else None


def _as_json(found: ExperimentReport) -> dict[str, Any]:
    return {
        "users": found.users,
        "counts": found.counts,
        "moved_users": found.moved,
        "split_p_value": number(found.split_p_value),
        "split_is_kept": found.split_is_kept,
        "metrics": [
            {
                "name": one.metric.name,
                **{name: number(value) for name, value in vars(one.difference).items()},
                "verdict": one.verdict,
            }
            for one in found.compared
        ],
    }


def _show(name: str, found: ExperimentReport) -> None:
    counts = Table(name, box=None, header_style="bold")
    for heading in ("users", *COUNTS[:-1]):
        counts.add_column(heading, justify="right")
    for arm, users in found.users.items():
        counts.add_row(arm, f"{users:,}", *(f"{found.counts[arm][count]:,.0f}" for count in COUNTS[:-1]))
    out.print(counts)
    table = Table("metric", box=None, header_style="bold")
    for heading in ("stable", "canary", "difference", "95% interval", "p", "detectable"):
        table.add_column(heading, justify="right")
    table.add_column("canary is")
    for one in found.compared:
        table.add_row(one.metric.name, *_cells(one), one.verdict)
    out.print(table)
    if found.moved:
        out.print(f"{found.moved:,} users were in both arms and are left out: the share was changed")
    if not found.split_is_kept:
        out.print(
            f"the numbers of users do not fit the share (p = {found.split_p_value:.1g}): an arm loses users, "
            "and what differs between the arms may be that alone; find out why before comparing them"
        )


def _cells(one: Compared) -> tuple[str, ...]:
    found = one.difference
    return (
        f"{found.stable:.4g}",
        f"{found.canary:.4g}",
        f"{found.difference:+.4g}",
        f"{found.low:+.4g} to {found.high:+.4g}" if math.isfinite(found.low) else "-",
        f"{found.p_value:.3g}",
        f"{found.detectable:.4g}",
    )
