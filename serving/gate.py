"""The gate: what a bundle must reach before it is pushed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.config.run import GateConfig

EVALUATION_FILE = "evaluation.json"
BLESSED_FILE, NOT_BLESSED_FILE = "BLESSED", "NOT_BLESSED"  # TFX's names

_BASELINES = ("popularity", "item_knn")


def judge(figures: dict[str, Any], gate: GateConfig) -> list[str]:
    """Judges a bundle's figures.

    Args:
      figures: From :func:`serving.evaluation.evaluate_bundle`.
      gate: The thresholds.

    Returns:
      A line for each reason to refuse the bundle; none if it may be pushed.
    """
    reasons = []
    if gate.beat_baselines:
        reasons += _against_baselines(figures["retrieval"])
    if gate.beat_item_mean:
        reasons += [
            f"ranking: {name} has RMSE {figure['value']:.4f}, the per-item mean {figure['baseline']:.4f}"
            for name, figure in figures["ranking"].items()
            if figure["baseline"] is not None and not figure["value"] < figure["baseline"]
        ]
    index = figures["index"]
    served = next(m for m in index["measured"] if m["kind"] == index["chosen"])
    if served["recall_at_10"] < gate.min_index_recall:
        reasons.append(
            f"index: recall@10 against exact search is {served['recall_at_10']:.4f}, "
            f"below {gate.min_index_recall:g}"
        )
    return reasons


def _against_baselines(figures: dict[str, dict[str, float]]) -> list[str]:
    """Where the retrieval model does not beat a baseline."""
    return [
        f"retrieval: {metric} is {value:.4f}, {baseline}'s {figures[baseline][metric]:.4f}"
        for baseline in _BASELINES
        for metric, value in figures["retrieval"].items()
        if not value > figures[baseline][metric]
    ]


def write_verdict(
    figures: dict[str, Any], reasons: list[str], evaluation_dir: str, blessing_dir: str
) -> None:
    """Stores the figures, the reasons to refuse if there are any, and TFX's blessing file."""
    evaluation = {**figures, "blessed": not reasons, "reasons": reasons}
    Path(evaluation_dir, EVALUATION_FILE).write_text(json.dumps(evaluation, indent=2), encoding="utf-8")
    Path(blessing_dir, NOT_BLESSED_FILE if reasons else BLESSED_FILE).touch()


def read_evaluation(evaluation_dir: str) -> dict[str, Any]:
    """The figures and the verdict that :func:`write_verdict` stored."""
    return json.loads(Path(evaluation_dir, EVALUATION_FILE).read_text(encoding="utf-8"))
