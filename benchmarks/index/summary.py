"""What the points say: each engine's best at a recall, and whether what was aimed at was reached."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from benchmarks.index.engines import DEFAULT, EXACT, FAISS, HNSWLIB, OURS, PYTHON

RECALLS = (0.9, 0.95, 0.99)
_OVER_EXACT, _OVER_PEERS = 50, 1.3


def best_at(points: list[dict[str, Any]], engine: str, recall: float) -> dict[str, Any] | None:
    """An engine's fastest point of at least this recall; `None` if it has none."""
    enough = [p for p in points if p["engine"] == engine and p.get("recall", 0) >= recall]
    return max(enough, key=lambda point: point["queries_per_second"], default=None)


def frontier(points: list[dict[str, Any]], engine: str) -> list[dict[str, Any]]:
    """An engine's points than which none is both faster and better, by rising recall."""
    kept: list[dict[str, Any]] = []
    for point in sorted(
        (p for p in points if p["engine"] == engine and "recall" in p),
        key=lambda p: (-p["queries_per_second"], -p["recall"]),
    ):
        if not kept or point["recall"] > kept[-1]["recall"]:
            kept.append(point)
    return kept


def ratios(points: list[dict[str, Any]], recall: float) -> dict[str, float | None]:
    """Our speed by others', each at its best at this recall.

    Returns:
      `saved_model_by_exact`, `python_by_faiss`, `python_by_hnswlib`, `defaults_by_exact`; `None` where one
      of the two does not come to the recall.
    """
    exact = best_at(points, EXACT, 0)
    return {
        "saved_model_by_exact": _ratio(best_at(points, OURS, recall), exact),
        "defaults_by_exact": _ratio(best_at(points, DEFAULT, 0), exact),
        "python_by_faiss": _ratio(best_at(points, PYTHON, recall), best_at(points, FAISS, recall)),
        "python_by_hnswlib": _ratio(best_at(points, PYTHON, recall), best_at(points, HNSWLIB, recall)),
    }


def reached(points: list[dict[str, Any]]) -> dict[str, bool | None]:
    """Whether the SavedModel is fast enough at recall .95, and the Python path at each recall."""
    over_exact = ratios(points, 0.95)["saved_model_by_exact"]
    verdicts = {"SavedModel at least 50x exact at .95": over_exact is not None and over_exact >= _OVER_EXACT}
    for recall in (0.95, 0.99):
        measured = ratios(points, recall)
        for peer in ("faiss", "hnswlib"):
            ratio = measured[f"python_by_{peer}"]
            verdict = None if ratio is None else ratio >= _OVER_PEERS
            verdicts[f"Python at least 1.3x {peer} at {recall:.2f}"] = verdict
    return verdicts


def table(kind: str, size: int, points: list[dict[str, Any]]) -> Table:
    """The best of each engine, in queries a second, at each recall."""
    shown = Table(title=f"{size:,} {kind} vectors", title_justify="left", box=None, header_style="bold")
    shown.add_column("engine")
    headings = ("build s", "best recall", *(f"q/s at {recall}" for recall in RECALLS), "with", "processor")
    for heading in headings:
        shown.add_column(heading, justify="right")
    for engine in dict.fromkeys(point["engine"] for point in points):
        own = frontier(points, engine)
        if not own:
            shown.add_row(engine, *["-"] * len(headings))
            continue
        fastest = [best_at(points, engine, recall) for recall in RECALLS]
        described = fastest[1] or own[-1]
        shown.add_row(
            engine,
            f"{own[0]['build_seconds']:.0f}",
            f"{own[-1]['recall']:.3f}",
            *("-" if point is None else f"{point['queries_per_second']:,.0f}" for point in fastest),
            ", ".join(f"{name} {value}" for name, value in described["settings"].items()),
            f"{described['processor_share']:.2f}",
        )
    return shown


def _ratio(ours: dict[str, Any] | None, other: dict[str, Any] | None) -> float | None:
    if ours is None or other is None:
        return None
    return round(ours["queries_per_second"] / other["queries_per_second"], 2)
