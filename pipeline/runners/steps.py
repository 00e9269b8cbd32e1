"""The steps of a run, as they are told to whoever shows or records them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """A finished step.

    Attributes:
      node_id: The component's id.
      seconds: How long it took.
      reused: Whether ML Metadata had its result already.
      outputs: Folder of each output artifact, by the name of the output.
      peak_rss_bytes: Most memory that was held while it ran; see
        :class:`pipeline.runners.peak_memory.PeakMemory`. `None` where nobody measured.
    """

    node_id: str
    seconds: float
    reused: bool
    outputs: dict[str, str]
    peak_rss_bytes: int | None = None


class StepListener:
    """Who is told of the steps; by itself it does nothing."""

    def planned(self, node_ids: list[str]) -> None:
        """Before the first step."""

    def started(self, node_id: str) -> None:
        """Before a step runs."""

    def finished(self, step: Step) -> None:
        """When a step is done."""
