"""Section: how long each step took, and how much memory."""

from __future__ import annotations

from serving.report.blocks import MissingError, Section, Table, Text
from serving.report.figures import size
from serving.report.run_files import RunFiles


def steps_section(run: RunFiles) -> Section:
    """A row for each finished step.

    Raises:
      MissingError: No record of the steps was kept.
    """
    if run.steps is None:
        raise MissingError("No record of the steps' time and memory was kept.")
    rows = tuple(
        (step.node_id, "reused" if step.reused else "ran", f"{step.seconds:,.1f}", size(step.peak_rss_bytes))
        for step in run.steps.steps
    )
    head = (
        f"{len(rows)} of {len(run.steps.planned)} steps were finished, in {run.steps.seconds:,.0f} s; begun "
        f"{run.steps.started:%Y-%m-%d %H:%M} UTC. Memory is the most that the process and its children held "
        "while the step ran, what earlier steps had left in it included."
    )
    table = Table("Steps", ("step", "state", "seconds", "peak memory"), rows, texts=2)
    return Section("steps", "Time and memory", (Text(head), table))
