"""Section: whether predicted probabilities come true as often as they say."""

from __future__ import annotations

from serving.evaluation_record import CalibrationBin
from serving.report.blocks import Block, Figure, MissingError, Section, Table
from serving.report.plot import Plot
from serving.report.run_files import RunFiles


def calibration_section(run: RunFiles) -> Section:
    """A plot and a table for each task with probabilities.

    Raises:
      MissingError: The bundle was not judged, or no task has probabilities.
    """
    calibration = run.evaluation.calibration
    if not calibration:
        raise MissingError("No ranking task with probabilities was judged.")
    blocks: list[Block] = []
    for number, (task, bins) in enumerate(calibration.items()):
        blocks += [_figure(number, task, bins), _table(task, bins)]
    return Section("calibration", "Calibration", tuple(blocks))


def expected_error(bins: tuple[CalibrationBin, ...]) -> float:
    """Expected calibration error: the mean distance of prediction and truth, bins weighted by examples
    (Naeini et al., 2015)."""
    distance = sum(b.examples * abs(b.mean_prediction - b.mean_label) for b in bins)
    return distance / max(sum(b.examples for b in bins), 1)


def _figure(number: int, task: str, bins: tuple[CalibrationBin, ...]) -> Figure:
    label = f"Mean label by mean prediction of {task}"
    with Plot(f"calibration-{number}", label, width=4.5, height=3.6) as plot:
        (axes,) = plot.axes
        predictions, labels = [b.mean_prediction for b in bins], [b.mean_label for b in bins]
        ends = [min(*predictions, *labels), max(*predictions, *labels)]
        axes.plot(ends, ends, linestyle="--", color="#7f7f7f", label="calibrated")
        axes.plot(predictions, labels, marker="o", label="task")
        axes.set_xlabel("mean prediction")
        axes.set_ylabel("mean label")
        axes.legend()
        return Figure(plot.svg(), f"{task}: expected calibration error {expected_error(bins):.4f}")


def _table(task: str, bins: tuple[CalibrationBin, ...]) -> Table:
    rows = tuple(
        (str(place), f"{b.mean_prediction:.4f}", f"{b.mean_label:.4f}", f"{b.examples:,}")
        for place, b in enumerate(bins, start=1)
    )
    headings = ("bin", "mean prediction", "mean label", "examples")
    return Table(f"Calibration of {task}", headings, rows, is_long=True)
