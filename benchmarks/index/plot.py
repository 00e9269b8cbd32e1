"""Recall against queries a second, one plot a kind of vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.index.engines import DEFAULT, EXACT, FAISS, FLAT, HNSWLIB, OURS, PYTHON, TFRS
from benchmarks.index.summary import frontier
from serving.report.plot import COLOURS

_LOWEST = 0.8
_MARKS = {
    PYTHON: "o-",
    OURS: "s-",
    DEFAULT: "*",
    FAISS: "^--",
    HNSWLIB: "v--",
    TFRS: "X",
    EXACT: "D",
    FLAT: "P",
}


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """Draws the largest size that each kind was measured at.

    Args:
      results: As the command writes them.
      path: PNG file.
    """
    from matplotlib.figure import Figure

    size = max(result["size"] for result in results)
    shown = [result for result in results if result["size"] == size]
    figure = Figure(figsize=(4.2 * len(shown), 4), layout="constrained")
    for axes, result in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True):
        for (engine, mark), colour in zip(_MARKS.items(), COLOURS, strict=True):
            points = [p for p in frontier(result["points"], engine) if p["recall"] >= _LOWEST]
            recalls = [point["recall"] for point in points]
            rates = [point["queries_per_second"] for point in points]
            axes.plot(recalls, rates, mark, color=colour, label=engine, markersize=5)
        left_out = [
            f"{engine}: recall {best[-1]['recall']:.2f}"
            for engine in _MARKS
            for best in [frontier(result["points"], engine)]
            if best and best[-1]["recall"] < _LOWEST
        ]
        axes.text(0.02, 0.03, "\n".join(left_out), transform=axes.transAxes, fontsize="small")
        axes.set(yscale="log", xlim=(_LOWEST, 1.005), xlabel="recall@10", title=result["kind"])
        axes.grid(alpha=0.3)
    first, *_ = figure.axes
    first.set_ylabel("queries a second, one thread, one at a time")
    figure.legend(*first.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
    figure.suptitle(f"{size:,} vectors", fontsize="medium")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
