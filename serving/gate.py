"""The gate: what a bundle must reach before it is pushed."""

from __future__ import annotations

from typing import Any

from pipeline.config.run import GateConfig

_BASELINES = ("popularity", "item_knn")


def judge(evaluation: dict[str, Any], index_report: dict[str, Any], gate: GateConfig) -> list[str]:
    """Judges a bundle's figures.

    Args:
      evaluation: From :func:`serving.evaluation.evaluate_bundle`.
      index_report: From :func:`serving.index_builder.build_and_measure`.
      gate: The thresholds.

    Returns:
      A line for each reason to refuse the bundle; none if it may be pushed.
    """
    reasons = []
    if gate.beat_baselines:
        reasons += _against_baselines(evaluation["retrieval"])
    if gate.beat_item_mean:
        reasons += [
            f"ranking: {name} has RMSE {figure['value']:.4f}, the per-item mean {figure['baseline']:.4f}"
            for name, figure in evaluation["ranking"].items()
            if figure["baseline"] is not None and not figure["value"] < figure["baseline"]
        ]
    served = next(m for m in index_report["measured"] if m["kind"] == index_report["chosen"])
    if served["recall_at_10"] < gate.min_index_recall:
        reasons.append(
            f"index: recall@10 against exact search is {served['recall_at_10']:.4f}, "
            f"below {gate.min_index_recall:g}"
        )
    return reasons


def _against_baselines(figures: dict[str, dict[str, float]]) -> list[str]:
    """Where the retrieval model does not beat a baseline."""
    return [
        f"retrieval: {metric} is {figures['retrieval'][metric]:.4f}, {baseline}'s {figures[baseline][metric]:.4f}"
        for baseline in _BASELINES
        for metric in figures["retrieval"]
        if not figures["retrieval"][metric] > figures[baseline][metric]
    ]
