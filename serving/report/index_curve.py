"""Section: how much of the exact answer the index finds, and how fast."""

from __future__ import annotations

from serving.evaluation_record import IndexFigures, IndexReport
from serving.report.blocks import Block, Figure, Section, Table, Text
from serving.report.figures import ABSENT
from serving.report.plot import Plot
from serving.report.run_files import RunFiles


def index_section(run: RunFiles) -> Section:
    """Recall and latency of each kind of index, and their curve.

    Raises:
      MissingError: The bundle was not judged.
    """
    index = run.evaluation.index
    head = f"{index.num_items:,} items; the bundle has the {index.chosen} index."
    rows = tuple(_row(figures) for figures in (*index.measured, *index.curve))
    headings = ("index", "rescored", "leaves searched", "recall@10", "ms a query (median)")
    blocks: list[Block] = [Text(head), Table("Against exact search, seeded queries", headings, rows)]
    blocks.insert(1, _figure(index) if index.curve else Text("No curve was measured."))
    return Section("index", "Index", tuple(blocks))


def _row(figures: IndexFigures) -> tuple[str, ...]:
    efforts = (ABSENT if n is None else f"{n:,}" for n in (figures.rescored, figures.leaves))
    return (figures.kind, *efforts, f"{figures.recall_at_10:.4f}", f"{figures.milliseconds_per_query:.3f}")


def _figure(index: IndexReport) -> Figure:
    label = "Recall at 10 by milliseconds a query"
    with Plot("index-curve", label, height=3.2) as plot:
        (axes,) = plot.axes
        # In the order of effort: where a corpus is small, more of it may take no longer.
        axes.plot(
            [figures.milliseconds_per_query for figures in index.curve],
            [figures.recall_at_10 for figures in index.curve],
            marker="o",
            linestyle=":",
            label="scann, searched more or less thoroughly",
        )
        for figures in index.measured:
            chosen = ", in the bundle" if figures.kind == index.chosen else ""
            axes.plot(
                figures.milliseconds_per_query,
                figures.recall_at_10,
                "D",
                label=f"{figures.kind}{chosen}",
            )
        axes.set_xlabel("milliseconds a query")
        axes.set_ylabel("recall@10")
        axes.legend()
        return Figure(plot.svg(), "Recall against latency")
