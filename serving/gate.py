"""The gate: what a bundle must reach before it is pushed."""

from __future__ import annotations

from pathlib import Path

from pipeline.config.gate import GateConfig, ListThreshold
from serving.evaluation_record import ALL, ITEM_MEAN, OVERALL, Bounded, Evaluation, IndexReport

EVALUATION_FILE = "evaluation.json"
BLESSED_FILE, NOT_BLESSED_FILE = "BLESSED", "NOT_BLESSED"  # TFX's names
PREVIOUS = "previous"  # among the recommenders of an evaluation: the last blessed bundle's


def judge(evaluation: Evaluation, gate: GateConfig) -> list[str]:
    """Judges a bundle's figures; those of TFMA's thresholds it has judged itself.

    Args:
      evaluation: What was measured.
      gate: The thresholds.

    Returns:
      A line for each reason to refuse the bundle; none if it may be pushed. What is no number is a reason.
    """
    reasons = [
        reason
        for threshold in gate.lists
        for reason in _of_lists(evaluation, threshold, gate.min_slice_requests)
    ]
    if gate.beat_item_mean:
        reasons += _against_item_means(evaluation)
    reasons += index_reasons(evaluation.index, gate.min_index_recall)
    reasons += [
        f"skew: {output} differs by {skew.largest:.2g} of its spread between raw requests and training's "
        f"features, more than {skew.tolerance:g}"
        for output, skew in evaluation.skew.items()
        if not skew.largest <= skew.tolerance
    ]
    return reasons


def _of_lists(evaluation: Evaluation, threshold: ListThreshold, min_requests: int) -> list[str]:
    """Where a threshold of lists is not reached."""
    feature, group = next(iter(threshold.slice.items()), (OVERALL, ALL))
    figures = evaluation.lists[threshold.model].get(feature, {}).get(group)
    if figures is None or (feature != OVERALL and figures.requests < min_requests):
        return []
    own = figures.metrics[threshold.metric]
    where = f"{threshold.model}: {threshold.metric}"
    where += f" for {feature} '{group}'" if feature != OVERALL else ""
    reasons = []
    if threshold.at_least is not None and not own.value >= threshold.at_least:
        reasons.append(f"{where} is {own.value:.4f}, below {threshold.at_least:g}")
    if threshold.at_most is not None and not own.value <= threshold.at_most:
        reasons.append(f"{where} is {own.value:.4f}, above {threshold.at_most:g}")
    for baseline in threshold.beats:
        rival = evaluation.lists[baseline][feature][group].metrics[threshold.metric]
        if not own.value > rival.value:
            reasons.append(f"{where} is {own.value:.4f}, {baseline}'s {rival.value:.4f}")
    if threshold.lose_at_most is not None and PREVIOUS in evaluation.lists:
        before = evaluation.lists[PREVIOUS][feature][group].metrics[threshold.metric]
        if _is_lost(own, before, threshold.lose_at_most):
            reasons.append(
                f"{where} is {own.value:.4f}, {_last(evaluation)}'s {before.value:.4f}: more than "
                f"{threshold.lose_at_most:.0%} are lost"
            )
    return reasons


def _last(evaluation: Evaluation) -> str:
    number = evaluation.previous
    return "the last blessed bundle" if number is None else f"version {number}"


def _is_lost(own: Bounded, before: Bounded, share: float) -> bool:
    """Whether more than a share of what was is gone, and not by chance."""
    if own.value >= before.value * (1 - share):
        return False
    return own.high is None or not own.high >= before.value


def _against_item_means(evaluation: Evaluation) -> list[str]:
    """Tasks whose error is not below that of each item's mean."""
    reasons = []
    for task, slices in evaluation.ranking.items():
        figures = slices[OVERALL][ALL]
        mean = figures.baselines.get(ITEM_MEAN)
        if mean is not None and not figures.metrics["rmse"].value < mean:
            rmse = figures.metrics["rmse"].value
            reasons.append(f"ranking: {task} has RMSE {rmse:.4f}, the per-item mean {mean:.4f}")
    return reasons


def index_reasons(index: IndexReport, lowest: float) -> list[str]:
    """Why an index may not be pushed; none if it finds enough of what exact search finds.

    Args:
      index: What was measured.
      lowest: Recall@10 that is asked for.
    """
    served = next(m for m in index.measured if m.kind == index.chosen)
    if served.recall_at_10 >= lowest:
        return []
    return [f"index: recall@10 against exact search is {served.recall_at_10:.4f}, below {lowest:g}"]


def write_verdict(evaluation: Evaluation, evaluation_dir: str, blessing_dir: str) -> None:
    """Stores an evaluation, reasons and all, and TFX's blessing file."""
    path = Path(evaluation_dir, EVALUATION_FILE)
    path.write_text(evaluation.model_dump_json(indent=2), encoding="utf-8")
    Path(blessing_dir, BLESSED_FILE if evaluation.blessed else NOT_BLESSED_FILE).touch()


def read_evaluation(evaluation_dir: str) -> Evaluation:
    """The evaluation that :func:`write_verdict` stored."""
    text = Path(evaluation_dir, EVALUATION_FILE).read_text(encoding="utf-8")
    return Evaluation.model_validate_json(text)
