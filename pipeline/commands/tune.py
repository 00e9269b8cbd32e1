"""`recstack tune`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from rich.markup import escape
from rich.table import Table

from pipeline.bert_folder import bert_folder
from pipeline.canonical import prepare
from pipeline.commands.data import show_summary
from pipeline.config.run import RunConfig
from pipeline.config.search_space import checked_space, load_space
from pipeline.config.tuning import Model, Search
from pipeline.console import StepReporter, native_output_to, news, out, seconds_text
from pipeline.files import replaced
from pipeline.locking import exclusive
from pipeline.references import check_references
from pipeline.runners.local import log_file, tune_locally

_BEST = "best.yaml"
_SHOWN = 10
# Of a trial's record in the results; the rest are the values that were tried.
_FIGURES = ("trial_id", "score", "epoch", "epochs", "seconds")
_MEASURES = {"retrieval": "ndcg", "ranking": "loss"}


def tune_model(
    config: RunConfig, of: Model, trials: int, space_file: Path | None, epochs: int | None
) -> None:
    """Searches on this machine, and shows trials, the best of them, and the best values as YAML.

    Args:
      config: The configuration.
      of: Whose settings.
      trials: Trainings at most.
      space_file: What takes the place of the configuration's section `tuning`.
      epochs: Of a trial, at most; by default as configured.

    Raises:
      RecstackError: See :mod:`pipeline.errors`.
    """
    since = time.monotonic()
    if space_file is not None:
        config = config.model_copy(update={"tuning": load_space(space_file)})
    search = Search(
        space=checked_space(config, of),
        oracle=config.tuning.oracle,
        initial_trials=config.tuning.initial_trials,
        trials=trials,
    )
    if epochs is not None:
        section = getattr(config, of).model_copy(update={"epochs": epochs})
        config = config.model_copy(update={of: section})
    bert_folder(config.text)  # fetched, or found missing, before anything is computed
    check_references(config)
    with news(out):
        data = prepare(config)
    show_summary(data)
    out.print(f"tuning: {of} of {config.name}, {len(search.space)} settings (log: {log_file(config)})")
    with exclusive(config.run_dir / "run.lock"), native_output_to(log_file(config)) as console:
        reporter = StepReporter(console)
        with reporter.live():
            tune_locally(config, data, of, search, reporter)
    results = json.loads(Path(reporter.outputs["tuner_results"], "tuner_results.json").read_text())
    out.print(f"{reporter.summary}, in {seconds_text(time.monotonic() - since)}")
    out.print(_table(results, of))
    _show_best(config, of, results[0])


def _table(results: list[dict[str, Any]], of: Model) -> Table:
    """The best trials."""
    table = Table(
        title=f"best of {len(results)} trials, eval split",
        title_justify="left",
        box=None,
        header_style="bold",
    )
    keys = [key for key in results[0] if key not in _FIGURES]
    for heading in ("trial", _MEASURES[of], "epoch", *keys):
        table.add_column(heading, justify="right")
    for result in results[:_SHOWN]:
        score = "none" if result["score"] is None else f"{result['score']:.4f}"
        values = (escape(str(result[key])) for key in keys)
        table.add_row(result["trial_id"], score, f"{result['epoch']}/{result['epochs']}", *values)
    return table


def _show_best(config: RunConfig, of: Model, best: Mapping[str, Any]) -> None:
    """Shows the best values as YAML, and writes them beside the search."""
    values = {key: value for key, value in best.items() if key not in _FIGURES}
    text = yaml.safe_dump({of: _nested(values)}, sort_keys=False)
    path = config.tuning_dir / _BEST
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as file:
        file.write(text.encode())
    out.print(f"the best values, for the configuration (also in {path}):\n\n{escape(text)}")


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted keys as mappings of mappings."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        *path, name = key.split(".")
        place = result
        for part in path:
            place = place.setdefault(part, {})
        place[name] = value
    return result
