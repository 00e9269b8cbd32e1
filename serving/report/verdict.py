"""Section: whether the bundle may be pushed, and why not."""

from __future__ import annotations

from serving.evaluation_record import OVERALL, Evaluation
from serving.report.blocks import Lines, MissingError, Section, Text
from serving.report.figures import bounded
from serving.report.run_files import RunFiles


def verdict_section(run: RunFiles) -> Section:
    """The verdict and its reasons; of a run that ended early, where it ended."""
    try:
        record = run.evaluation
    except MissingError as error:
        blocks = (Text(f"Not judged. {error}", "bad"), Text(_last_step(run)))
        return Section("verdict", "Verdict", blocks)
    if record.blessed:
        blocks = (Text("Blessed: the bundle may be pushed.", "good"), Text(_overall(record)))
    else:
        blocks = (
            Text("Refused: the bundle is not pushed, and the version before it stays.", "bad"),
            Lines(record.reasons),
            Text(_overall(record)),
        )
    return Section("verdict", "Verdict", blocks)


def _last_step(run: RunFiles) -> str:
    """How far the run came."""
    if not run.run.executions:
        return "No step was begun."
    last = run.run.executions[-1]
    return f"The last step was {last.node_id}, and it is {last.state}."


def _overall(record: Evaluation) -> str:
    """The recommender's figures in one sentence."""
    overall = record.lists.get("recommender", {}).get(OVERALL, {})
    if not overall:
        return "The recommender's lists were not measured."
    figures = next(iter(overall.values()))
    parts = ", ".join(f"{name} {bounded(figure)}" for name, figure in figures.metrics.items())
    return f"Lists of the recommender for {figures.requests:,} requests of {figures.users:,} users: {parts}."
