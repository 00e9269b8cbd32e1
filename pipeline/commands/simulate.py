"""`recstack simulate`."""

from __future__ import annotations

import json
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from typing import Any

from rich.table import Table

from pipeline.bert_folder import bert_folder
from pipeline.commands.replay import CONTINUOUS, FROZEN, SCRATCH, ReplayedSpan, replay
from pipeline.config.run import SIMULATION_DIR, RunConfig
from pipeline.console import native_output_to, out, seconds_text
from pipeline.files import replaced
from pipeline.locking import exclusive
from pipeline.references import check_references

_RESULTS_FILE, _PLOT_FILE, _LOG_FILE = "simulation.json", "simulation.png", "simulation.log"
_WAYS = (CONTINUOUS, SCRATCH, FROZEN)
_METRIC = "ndcg@10"


def simulate(config: RunConfig, spans: int, start: float, window: int) -> None:
    """Replays the log span by span, and shows how three ways of keeping a model do, and what they cost.

    Results and plot are written into `simulation` in the run's folder, in place of the last call's.

    Args:
      config: The configuration; its data, features, text and retrieval settings count.
      spans: Spans to replay.
      start: Share of the interactions that lie before them.
      window: Spans that the model which goes on looks at, those that evaluate and test included.

    Raises:
      InputError: The log is too short, or cannot be read.
    """
    bert_folder(config.text)  # fetched, or found missing, before anything is computed
    check_references(config)
    folder = config.run_dir / SIMULATION_DIR
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / _LOG_FILE
    out.print(f"simulation: {config.name}, {spans} spans (log: {log})")
    done: list[ReplayedSpan] = []
    with exclusive(config.run_dir / "simulation.lock"), native_output_to(log) as console:

        def tell(what: str) -> None:
            console.print(f"  span {len(done) + 1} of {spans}: {what}", style="dim")

        for span in replay(config, folder / "work", spans, start, window, tell):
            done.append(span)
            console.print(_line(span))
    results = [asdict(span) for span in done]
    settings = {"start": start, "window": window, "seed": config.seed}
    with replaced(folder / _RESULTS_FILE) as file:
        file.write(json.dumps({**settings, "spans": results}, indent=2).encode())
    draw(results, folder / _PLOT_FILE)
    out.print(_table(done))
    out.print(f"results: {folder / _RESULTS_FILE}\nplot: {folder / _PLOT_FILE}")


def _line(span: ReplayedSpan) -> str:
    """A span's figures as they come."""
    figures = ", ".join(f"{name} {span.ways[name].metrics[_METRIC]:.4f}" for name in _WAYS)
    return f"  [green]✓[/green] {span.day}, {span.requests:,} requests: {_METRIC} {figures}"


def _table(spans: list[ReplayedSpan]) -> Table:
    """Means over the spans, each counted alike, and the cost of all that came after the first."""
    table = Table("", box=None, header_style="bold")
    table.title, table.title_justify = f"next item among the whole corpus, mean of {len(spans)} spans", "left"
    for heading in ("ndcg@10", "recall@20", "to train", "to make data ready"):
        table.add_column(heading, justify="right")
    for name in _WAYS:
        ways = [span.ways[name] for span in spans]
        means = [sum(way.metrics[m] for way in ways) / len(ways) for m in (_METRIC, "recall@20")]
        costs = [sum(getattr(way, cost) for way in ways[1:]) for cost in ("training_seconds", "data_seconds")]
        table.add_row(name, *(f"{mean:.4f}" for mean in means), *map(seconds_text, costs))
    return table


def draw(spans: list[dict[str, Any]], path: Path) -> None:
    """Draws quality by span, and what it has cost up to there.

    Args:
      spans: As `simulation.json` has them.
      path: PNG file.
    """
    from matplotlib.figure import Figure

    from serving.report.plot import COLOURS

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    quality, cost = figure.subplots(1, 2)
    days = [span["day"] for span in spans]
    for name, mark, colour in zip(_WAYS, ("o-", "s-", "^--"), COLOURS, strict=False):
        ways = [span["ways"][name] for span in spans]
        style: dict[str, Any] = {"color": colour, "label": name, "markersize": 5}
        quality.plot(days, [way["metrics"][_METRIC] for way in ways], mark, **style)
        minutes = accumulate(way["training_seconds"] / 60 for way in ways)
        cost.plot(days, list(minutes), mark, **style)
    quality.set(title="quality on the next span", ylabel=_METRIC)
    cost.set(title="training so far", ylabel="minutes")
    for axes in (quality, cost):
        axes.grid(alpha=0.3)
        axes.tick_params("x", rotation=60, labelsize="small")
    figure.legend(*quality.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    with replaced(path) as file:
        figure.savefig(file, dpi=90, format="png")
