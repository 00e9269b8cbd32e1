"""Section: how the models' figures moved from epoch to epoch."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from serving.report.blocks import Block, Figure, MissingError, Section, Text
from serving.report.plot import Plot
from serving.report.run_files import RunFiles

TRAINERS = {"Retrieval": "RetrievalTrainer", "Ranking": "RankingTrainer"}
_PREFIX = "epoch_"
# Split to figure to values in the order of the epochs.
Curves = dict[str, dict[str, list[tuple[int, float]]]]


def learning_curves_section(run: RunFiles) -> Section:
    """A row of plots for each trainer: the loss, and what else is measured after each epoch."""
    blocks: list[Block] = []
    for name, node_id in TRAINERS.items():
        try:
            curves = read_curves(run.folder(node_id, "model_run"))
        except MissingError as error:
            blocks.append(Text(f"{name}: {error}"))
            continue
        blocks.append(_figure(name, curves) if curves else Text(f"{name}: no epoch was logged."))
    return Section("curves", "Learning curves", tuple(blocks))


def read_curves(folder: Path) -> Curves:
    """TensorBoard's scalars.

    Args:
      folder: Holds a folder of event files for each split.
    """
    import tensorflow as tf
    from tensorflow.core.util import event_pb2

    points: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = event_pb2.Event.FromString(record)
            for value in event.summary.value:
                if value.tag.startswith(_PREFIX):
                    figure = value.tag.removeprefix(_PREFIX)
                    points[path.parent.name][figure][event.step] = float(tf.make_ndarray(value.tensor))
    return {
        split: {figure: sorted(steps.items()) for figure, steps in figures.items()}
        for split, figures in points.items()
    }


def _figure(name: str, curves: Curves) -> Figure:
    """The loss beside the figures of the validation that are no losses."""
    from matplotlib.ticker import MaxNLocator

    others = sorted(
        figure
        for figure, points in curves.get("validation", {}).items()
        if not figure.endswith("loss") and len({value for _, value in points}) > 1
    )
    label = f"{name}: the loss of each epoch"
    with Plot(f"curves-{name.lower()}", label, plots=2 if others else 1, height=3.2) as plot:
        for split, figures in curves.items():
            if "loss" in figures:
                _draw(plot, 0, split, figures["loss"])
        plot.axes[0].set_title("loss")
        for figure in others:
            _draw(plot, 1, figure, curves["validation"][figure])
        for axes, title in zip(plot.axes, ("loss", "validation"), strict=False):
            axes.set_title(title)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend()
        return Figure(plot.svg(), f"{name} model")


def _draw(plot: Plot, place: int, label: str, points: list[tuple[int, float]]) -> None:
    """A curve; epochs are counted from 1."""
    epochs, values = zip(*points, strict=True)
    plot.axes[place].plot([epoch + 1 for epoch in epochs], values, marker=".", label=label.replace("_", " "))
