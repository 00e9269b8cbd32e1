"""`recstack data`."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from pipeline.bert_folder import bert_folder
from pipeline.canonical import PreparedData, prepare
from pipeline.config.run import RunConfig
from pipeline.console import news, out
from pipeline.datasets.registry import open_adapter
from pipeline.splits import EVAL, TEST


def fetch_all(config: RunConfig) -> None:
    """Fetches what a run would fetch."""
    open_adapter(config.data).check()
    out.print(f"data: {config.data.source} is there")
    weights = bert_folder(config.text)
    out.print(f"weights: {'random, none to fetch' if weights is None else weights}")


def show(config: RunConfig) -> None:
    """Prepares the data and shows what they are."""
    with news(out):
        data = prepare(config)
    show_summary(data)
    table = Table("feature", "stream", "type", "encoding", box=None, header_style="bold")
    for feature in data.features:
        kind = f"list of {feature.dtype.value}" if feature.is_list else feature.dtype.value
        table.add_row(feature.name, feature.stream.value, kind, feature.encoding.value)
    out.print(table)
    out.print(f"files: {data.root}")


def show_summary(data: PreparedData) -> None:
    """Counts, the splits' boundaries, and what was rejected."""
    summary = data.summary
    splits: dict[str, dict[str, Any]] = summary["splits"]
    total = sum(split["interactions"] for split in splits.values())
    out.print(f"data: {total:,} interactions of {summary['users']:,} users with {summary['items']:,} items")
    if "spans" in summary:
        _show_spans(summary["spans"])
    if splits[EVAL]["interactions"]:
        _show_splits(summary)
    for name, count in summary["look_alikes"].items():
        if count:
            out.print(f"{count:,} ids of '{name}' differ from another only in case or white space")
    _show_rejects(data)


def _show_spans(spans: dict[str, Any]) -> None:
    """Which spans were read."""
    window, history = spans["window"], spans["history"]
    reach = f", histories reach back to {history[0]}" if history else ""
    out.print(f"spans: {len(window)}, {window[0]} to {window[-1]}{reach}")


def _show_splits(summary: dict[str, Any]) -> None:
    """A line for each split."""
    table = Table("split", box=None, header_style="bold")
    for heading in ("from", "interactions", "users", "items"):
        table.add_column(heading, justify="right")
    starts = {EVAL: summary["eval_start"], TEST: summary["test_start"]}
    for name, counts in summary["splits"].items():
        numbers = [f"{counts[key]:,}" for key in ("interactions", "users", "items")]
        table.add_row(name, starts.get(name, "the first")[:16].replace("T", " "), *numbers)
    out.print(table)


def _show_rejects(data: PreparedData) -> None:
    """How many rows each rule rejected, if any did."""
    table = Table("rejected", "rule", box=None, header_style="bold")
    table.add_column("rows", justify="right")
    table.add_column("of", justify="right")
    for name, counts in data.summary["cleaning"].items():
        for rule, count in counts["rules"].items():
            table.add_row(name, rule, f"{count:,}", f"{counts['read']:,}")
    if table.row_count == 0:
        return
    out.print(table)
    if data.quarantine_dir.is_dir():
        out.print(f"rejected rows: {data.quarantine_dir}")
