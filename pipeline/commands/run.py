"""`recstack run`."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.bert_folder import bert_folder
from pipeline.canonical import PreparedData, prepare
from pipeline.commands.data import show_summary
from pipeline.commands.track import track_newest
from pipeline.config.run import RunConfig
from pipeline.console import StepReporter, native_output_to, news, out, seconds_text
from pipeline.errors import GateError
from pipeline.locking import exclusive
from pipeline.references import check_references
from pipeline.runners.local import log_file, run_locally
from serving.gate import read_evaluation
from serving.layout import versions
from serving.tracking.tracker import check_tracker


def run_pipeline(config: RunConfig) -> None:
    """Runs the pipeline on this machine and shows steps, figures and verdict.

    Raises:
      RecstackError: See :mod:`pipeline.errors`.
    """
    since = time.monotonic()
    check_tracker(config)
    bert_folder(config.text)  # fetched, or found missing, before anything is computed
    check_references(config)
    with news(out):
        data = prepare(config)
    show_summary(data)
    out.print(f"pipeline: {config.name} (log: {log_file(config)})")
    try:
        reporter = _run(config, data)
    except GateError:
        track_newest(config)  # a refused version is worth a look as well
        raise
    took = seconds_text(time.monotonic() - since)
    out.print(f"{reporter.summary}, in {took}")
    out.print(f"bundle: {config.bundle_dir}, version {versions(config.bundle_dir)[-1]} is the newest")
    track_newest(config)


def _run(config: RunConfig, data: PreparedData) -> StepReporter:
    """Runs all steps, and shows them and what the evaluator found."""
    with exclusive(config.run_dir / "run.lock"), native_output_to(log_file(config)) as console:
        reporter = StepReporter(console)
        try:
            with reporter.live():
                run_locally(config, data, reporter)
        finally:
            _show_figures(console, reporter)
    return reporter


def _show_figures(console: Console, reporter: StepReporter) -> None:
    """What the evaluator found, if it came to that."""
    folder = reporter.outputs.get("evaluation")
    if folder is None:
        return
    figures = read_evaluation(folder)
    console.print(_retrieval_table(figures))
    console.print(_ranking_table(figures))
    console.print(_index_table(figures))


def _retrieval_table(figures: dict[str, Any]) -> Table:
    table = _table("next item among the whole corpus, test split")
    table.add_column("")
    lists: dict[str, dict[str, float]] = figures["retrieval"]
    for heading in (*next(iter(lists.values())), "requests"):
        table.add_column(heading.replace("_at_", "@"), justify="right")
    for name, metrics in lists.items():
        requests = figures["queries"].get(name, figures["queries"]["retrieval"])
        table.add_row(name, *(f"{value:.4f}" for value in metrics.values()), f"{requests:,}")
    return table


def _ranking_table(figures: dict[str, Any]) -> Table:
    table = _table("ranking tasks, test split")
    table.add_column("")
    for heading in ("metric", "value", "per-item mean's"):
        table.add_column(heading, justify="right")
    for name, figure in figures["ranking"].items():
        baseline = "" if figure["baseline"] is None else f"{figure['baseline']:.4f}"
        table.add_row(name, figure["metric"], f"{figure['value']:.4f}", baseline)
    return table


def _index_table(figures: dict[str, Any]) -> Table:
    index = figures["index"]
    table = _table(f"index over {index['num_items']:,} items; the bundle has the {index['chosen']} one")
    table.add_column("")
    table.add_column("recall@10", justify="right")
    table.add_column("ms a query", justify="right")
    for measured in index["measured"]:
        table.add_row(
            measured["kind"], f"{measured['recall_at_10']:.4f}", f"{measured['milliseconds_per_query']:.2f}"
        )
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, header_style="bold")
