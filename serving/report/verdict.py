"""Section: whether the bundle may be pushed, and why not."""

from __future__ import annotations

from serving.evaluation_record import Evaluation
from serving.layout import RECOMMENDER
from serving.overall_figures import overall_lists
from serving.report.blocks import Block, Lines, MissingError, Section, Text
from serving.report.figures import bounded
from serving.report.run_files import RunFiles


def verdict_section(run: RunFiles) -> Section:
    """The verdict and its reasons; of a run that ended early, where it ended."""
    try:
        record = run.evaluation
    except MissingError as error:
        return _section(Text(f"Not judged. {error}", "bad"), Text(_last_step(run)))
    overall = Text(_overall(record))
    if record.blessed:
        return _section(Text("Blessed: the bundle may be pushed.", "good"), overall)
    refused = Text("Refused: the bundle is not pushed, and the version before it stays.", "bad")
    return _section(refused, Lines(record.reasons), overall)


def _section(*blocks: Block) -> Section:
    return Section("verdict", "Verdict", blocks)


def _last_step(run: RunFiles) -> str:
    """How far the run came."""
    if not run.run.executions:
        return "No step was begun."
    last = run.run.executions[-1]
    return f"The last step was {last.node_id}, and it is {last.state}."


def _overall(record: Evaluation) -> str:
    """The recommender's figures in one sentence."""
    lists = overall_lists(record)
    if RECOMMENDER not in lists:
        return "The recommender's lists were not measured."
    figures = lists[RECOMMENDER]
    parts = ", ".join(f"{name} {bounded(figure)}" for name, figure in figures.metrics.items())
    return f"Lists of the recommender for {figures.requests:,} requests of {figures.users:,} users: {parts}."
