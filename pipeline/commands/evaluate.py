"""`recstack events evaluate`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.table import Table

from gateway.events.served_list import ServedList
from gateway.experiments.evaluation import Evaluation, EvaluationSettings, evaluate_version
from gateway.experiments.judged_version import JudgedVersion
from gateway.experiments.off_policy import Estimate
from gateway.experiments.outcomes import Outcome, Period, outcomes, served_lists
from gateway.model_server import ModelServer
from gateway.sessions import SessionEvent
from pipeline.commands.experiments import event_log, number, write_json
from pipeline.commands.gateway import event_meaning
from pipeline.config.run import RunConfig
from pipeline.console import out
from pipeline.errors import InputError
from serving.client import Controls, NotServedError, Recommendations, ServingCallError
from serving.layout import MANIFEST_FILE, version_dir
from serving.manifest import read_manifest

_DEADLINE_MS = 300_000.0  # nobody waits for a list


def evaluate(
    config: RunConfig, asked: str | int, period: Period, settings: EvaluationSettings, output: Path | None
) -> None:
    """Judges a version of the model server by the lists of the log.

    Args:
      config: The configuration; the version's bundle was made with the same `index`.
      asked: The version's label or number.
      period: Days on which lists were served.
      settings: How it is judged.
      output: JSON file of the same; `None` for none.

    Raises:
      InputError: There is no log, no list that can be used, or the server does not have the version or does
        not answer.
      EventLogError: The log cannot be read.
      BundleError: The version's manifest is damaged.
    """
    log, key = event_log(config)
    kept, followed = served_lists(log, key, period), outcomes(log, key, period)
    server = config.gateway.server
    try:
        found = asyncio.run(_judged(config, asked, kept, followed, settings))
    except NotServedError as error:
        raise InputError(f"the model server {server} cannot be asked: {error.message}") from error
    except ServingCallError as error:
        raise InputError(f"the model server {server} does not answer: {error}") from error
    if output is not None:
        write_json(output, {**vars(settings), **_as_json(found)})
    _show(found, settings, _manifest_file(config, found.version))


async def _judged(
    config: RunConfig,
    asked: str | int,
    kept: Iterable[ServedList],
    followed: Iterable[Outcome],
    settings: EvaluationSettings,
) -> Evaluation:
    """What becomes of it; the version is asked by its number, whatever happens to its label meanwhile."""
    patient = config.gateway.model_copy(update={"deadline_ms": _DEADLINE_MS})
    models = ModelServer(patient, event_meaning(config))
    try:
        number = await models.number_of(asked)

        async def ask(served: ServedList, controls: Controls) -> Recommendations:
            timestamp = int(served.features["timestamp"])
            return await models.for_user(served.user, _session(served), controls, number, timestamp)

        judged = JudgedVersion(number, ask, config.index.retrieved, _learnt_until(config, number))
        return await evaluate_version(kept, followed, judged, settings)
    finally:
        await models.close()


def _session(served: ServedList) -> list[SessionEvent]:
    """What the user had done lately."""
    return [
        SessionEvent(timestamp_ms, str(place), kind, item_id, value, dwell_seconds)
        for place, (item_id, kind, timestamp_ms, value, dwell_seconds) in enumerate(
            served.features.get("events", [])
        )
    ]


def _manifest_file(config: RunConfig, number: int) -> Path:
    return version_dir(config.bundle_dir, number) / MANIFEST_FILE


def _learnt_until(config: RunConfig, number: int) -> int | None:
    """Second of the newest interaction that a version has learnt from; `None` if its bundle is elsewhere."""
    file = _manifest_file(config, number)
    return read_manifest(file.parent).data_span.last if file.is_file() else None


def _as_json(found: Evaluation) -> dict[str, Any]:
    result = found.result
    return {
        "version": found.version,
        "learnt_until": found.learnt_until,
        "drawn_by": [{"version": version, "lists": lists} for version, lists in found.drawn_by.items()],
        "left_out": found.left_out,
        "lists": result.lists,
        "users": result.users,
        "logged": _numbers(result.logged),
        "estimates": {name: _numbers(one) for name, one in result.estimates.items()},
        "gains": {name: _numbers(one) for name, one in result.gains.items()},
        "effective_lists": number(result.effective),
        "mean_weight": _numbers(result.mean_weight),
        "clipped": number(result.clipped),
        "doubts": list(result.doubts),
        "conclusion": result.conclusion,
    }


def _numbers(estimate: Estimate) -> dict[str, float | None]:
    return {name: number(value) for name, value in vars(estimate).items()}


def _show(found: Evaluation, settings: EvaluationSettings, manifest: Path) -> None:
    result = found.result
    drawn_by = ", ".join(f"{version} ({lists:,})" for version, lists in found.drawn_by.items())
    out.print(f"version {found.version}, by {result.lists:,} lists of {result.users:,} users")
    out.print(f"drawn by version {drawn_by}")
    if found.learnt_until is None:
        out.print(f"{manifest} is not there to say until when it has learnt: --since must be the day after")
    else:
        until = datetime.fromtimestamp(found.learnt_until, timezone.utc)
        out.print(f"it has learnt until {until:%Y-%m-%d %H:%M:%S} UTC; lists up to then do not count")
    for why, lists in found.left_out.items():
        out.print(f"left out: {lists:,} ({why})")
    table = Table(f"{settings.reward}s in {settings.ranks} ranks", box=None, header_style="bold")
    for heading in ("a list", "95% interval", "gain", "95% interval"):
        table.add_column(heading, justify="right")
    table.add_row("logged", *_cells(result.logged, ""), "", "")
    for name, one in result.estimates.items():
        table.add_row(name, *_cells(one, ""), *_cells(result.gains[name], "+"))
    out.print(table)
    out.print(
        f"effective lists {result.effective:,.0f}, mean weight {result.mean_weight.value:.3f}, "
        f"clipped {result.clipped:.1%}"
    )
    for doubt in result.doubts:
        out.print(f"doubt: {doubt}")
    out.print(f"the version: {result.conclusion}")


def _cells(one: Estimate, sign: str) -> tuple[str, str]:
    return f"{one.value:{sign}.4f}", f"{one.low:{sign}.4f} to {one.high:{sign}.4f}"
