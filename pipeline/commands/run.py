"""`recstack run`."""

from __future__ import annotations

import time

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
from serving.evaluation_record import ALL, ITEM_MEAN, OVERALL, Bounded, Evaluation, IndexReport
from serving.gate import read_evaluation
from serving.layout import versions
from serving.tracking.tracker import check_tracker

# Of the figures that are measured, those that a run shows.
_SHOWN = ("recall@20", "ndcg@10")
_SHOWN_OF_TASKS = ("rmse", "auc", "user_auc", "calibration")


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
    folder = reporter.outputs.get("bundle_evaluation")
    if folder is None:
        return
    evaluation = read_evaluation(folder)
    for table in (_lists_table(evaluation), _ranking_table(evaluation), _index_table(evaluation.index)):
        console.print(table)


def _lists_table(evaluation: Evaluation) -> Table:
    overall = {name: slices[OVERALL][ALL] for name, slices in evaluation.lists.items()}
    requests = next(iter(overall.values())).requests
    table = _table(f"next item among the whole corpus, {requests:,} requests of the test split")
    table.add_column("")
    for metric in _SHOWN:
        table.add_column(metric, justify="right")
        table.add_column("95%", justify="right")
    for name, figures in overall.items():
        table.add_row(name, *(text for metric in _SHOWN for text in _with_bounds(figures.metrics[metric])))
    return table


def _with_bounds(figure: Bounded) -> tuple[str, str]:
    bounds = "" if figure.low is None else f"{figure.low:.4f} - {figure.high:.4f}"
    return f"{figure.value:.4f}", bounds


def _ranking_table(evaluation: Evaluation) -> Table:
    table = _table("ranking tasks, test split")
    table.add_column("")
    for heading in ("metric", "value", "95%", "per-item mean's"):
        table.add_column(heading, justify="right")
    for name, slices in evaluation.ranking.items():
        figures = slices[OVERALL][ALL]
        for metric in _SHOWN_OF_TASKS:
            if metric in figures.metrics:
                mean = figures.baselines.get(ITEM_MEAN) if metric == "rmse" else None
                baseline = "" if mean is None else f"{mean:.4f}"
                table.add_row(name, metric, *_with_bounds(figures.metrics[metric]), baseline)
    return table


def _index_table(index: IndexReport) -> Table:
    table = _table(f"index over {index.num_items:,} items; the bundle has the {index.chosen} one")
    table.add_column("")
    table.add_column("recall@10", justify="right")
    table.add_column("ms a query", justify="right")
    for measured in index.measured:
        table.add_row(measured.kind, f"{measured.recall_at_10:.4f}", f"{measured.milliseconds_per_query:.2f}")
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, header_style="bold")
