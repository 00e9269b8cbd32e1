"""`recstack events evaluate`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from rich.table import Table

from gateway.events.served_list import ServedList
from gateway.experiments.evaluation import Evaluation, EvaluationSettings, evaluate_version
from gateway.experiments.off_policy import Estimate
from gateway.experiments.outcomes import Period, outcomes, served_lists
from gateway.model_server import ModelServer
from gateway.sessions import SessionEvent
from pipeline.commands.experiments import event_log, number, write_json
from pipeline.commands.gateway import event_meaning
from pipeline.config.gateway import GatewayConfig
from pipeline.config.run import RunConfig
from pipeline.console import out
from pipeline.datasets.feedback_meaning import Meaning
from pipeline.errors import InputError
from serving.client import Controls, Recommendations, ServingCallError

_DEADLINE_MS = 60_000.0  # nobody waits for a list


def evaluate(
    config: RunConfig, label: str | None, period: Period, settings: EvaluationSettings, output: Path | None
) -> None:
    """Judges a version of the model server by the lists of the log.

    Args:
      config: The configuration; the version's bundle was made with the same `index`.
      label: Of the version, `stable` or `canary`; `None` for the newest.
      period: Days on which lists were served.
      settings: How it is judged.
      output: JSON file of the same; `None` for none.

    Raises:
      InputError: There is no log, no list that can be used, or the server does not answer.
      EventLogError: The log cannot be read.
    """
    log, key = event_log(config)
    server = config.gateway.model_copy(update={"deadline_ms": _DEADLINE_MS})
    kept, followed = served_lists(log, key, period), outcomes(log, key, period)

    async def ask_all() -> Evaluation:
        drawing = _Drawing(server, event_meaning(config), label, config.index.retrieved)
        try:
            return await evaluate_version(kept, followed, drawing.ask, settings)
        finally:
            await drawing.close()

    try:
        found = asyncio.run(ask_all())
    except ServingCallError as error:
        raise InputError(f"the model server {server.server} does not answer: {error}") from error
    if output is not None:
        write_json(output, {**vars(settings), "label": label, **_as_json(found)})
    _show(found, settings)


class _Drawing:
    """Asks a version for lists like those of the log."""

    def __init__(self, server: GatewayConfig, meaning: Meaning, label: str | None, retrieved: int):
        self._models = ModelServer(server, meaning)
        self._label = label
        self._retrieved = retrieved

    async def ask(self, served: ServedList, draw: int) -> Recommendations:
        """What the version draws for the same user, moment, session and controls.

        The list is as long as it may be without more candidates than the original had: scores are set
        against those of all candidates. Draw 0 has the noise of the original, so that most of the
        original's items are in it.
        """
        controls = Controls.model_validate(served.controls)
        long = controls.model_copy(
            update={"k": max(controls.k, self._retrieved), "seed": controls.seed + draw}
        )
        events = [
            SessionEvent(timestamp_ms, str(place), kind, item_id, value, dwell_seconds)
            for place, (item_id, kind, timestamp_ms, value, dwell_seconds) in enumerate(
                served.features.get("events", [])
            )
        ]
        timestamp = int(served.features["timestamp"])
        return await self._models.for_user(served.user, events, long, self._label, timestamp)

    async def close(self) -> None:
        """Closes the connection."""
        await self._models.close()


def _as_json(found: Evaluation) -> dict[str, Any]:
    result = found.result
    return {
        "version": found.version,
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


def _show(found: Evaluation, settings: EvaluationSettings) -> None:
    result = found.result
    drawn_by = ", ".join(f"{version} ({lists:,})" for version, lists in found.drawn_by.items())
    out.print(f"version {found.version}, by {result.lists:,} lists of {result.users:,} users")
    out.print(f"drawn by version {drawn_by}")
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
