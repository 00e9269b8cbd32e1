"""Fits a model: epochs, validation, early stopping, logs, and going on after a kill."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import tensorflow as tf
import tf_keras

from trainer.checkpoints import Checkpoint, Progress, Stored
from trainer.distribution import Distribution
from trainer.progress import LogEpochs
from trainer.randomness import epoch_seed, reseed

_VALIDATION = "val_"
# An epoch that no training reaches: for the step that only makes variables.
_NO_EPOCH = 2**31


def _nothing() -> None:
    """Does nothing."""


@dataclass(frozen=True)
class Phase:
    """Epochs in which the same variables are trained.

    Attributes:
      epochs: Epochs done when it ends, those of earlier phases counted.
      optimizers: Those that step in it.
      restructure: Gives the model the variables that it has in this phase, trained and frozen ones; by
        default it has them. Called before the first epoch, and before a checkpoint of this phase is restored.
      begin: Makes the model ready for the first epoch, from the variables as they are then; also called
        after a checkpoint of this phase was restored.
      patience: Epochs without a better value of what is monitored before training ends; by default
        nothing is monitored, and every epoch is run. For the last phase.
    """

    epochs: int
    optimizers: Sequence[tf_keras.optimizers.Optimizer]
    restructure: Callable[[], None] = _nothing
    begin: Callable[[], None] = _nothing
    patience: int | None = None


@dataclass(frozen=True)
class Monitor:
    """What says which epoch is the best.

    Attributes:
      name: The figure, as Keras names it.
      highest: Whether the highest is the best, not the lowest.
    """

    name: str
    highest: bool

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether a value is better than the best so far; NaN never is."""
        if math.isnan(value):
            return False
        return best is None or (value > best if self.highest else value < best)


@dataclass(frozen=True)
class Fitting:
    """How a model is fitted.

    Attributes:
      train: From a seed to one epoch's batches, shuffled by it and by nothing else.
      validation: Batches that each epoch is judged by.
      phases: One after another.
      monitor: What early stopping looks at.
      seed: Of all draws; see :mod:`trainer.randomness`.
      log_dir: Where TensorBoard's logs are written.
      callbacks: Keras callbacks of every epoch; none may hold state that outlives an epoch.
      warm_start: Gives the built model the values that its variables start from, before the first phase
        begins; by default they keep those that their initializers drew.
      distribution: Over what it is spread. On several devices, the model has all its variables before
        it is fitted.
    """

    train: Callable[[int], tf.data.Dataset]
    validation: tf.data.Dataset
    phases: Sequence[Phase]
    monitor: Monitor
    seed: int
    log_dir: str
    callbacks: Sequence[tf_keras.callbacks.Callback] = ()
    warm_start: Callable[[], None] | None = None
    distribution: Distribution = field(default_factory=Distribution)

    def phase(self, epoch: int) -> int:
        """Number of the phase of an epoch; both count from 0."""
        return next(number for number, phase in enumerate(self.phases) if epoch < phase.epochs)


def fit(
    model: tf_keras.Model, fitting: Fitting, checkpoint: Checkpoint | None = None
) -> dict[str, list[float]]:
    """Fits a model, and leaves it as it was after its best epoch.

    Each epoch draws from generators and an order of its own, seeded by its number; so a training that
    was killed and goes on from its checkpoint ends as one that was not.

    Args:
      model: Compiled.
      fitting: Data and schedule.
      checkpoint: Written after each epoch, and gone on from if it is there; it is left in place. By
        default there is none.

    Returns:
      Figure to its value after each epoch.
    """
    progress = Progress()
    fitting.distribution.prepare(model)
    stored = None if checkpoint is None else checkpoint.load()
    fitting.distribution.check_agreement(stored.progress.epochs if stored else 0, "checkpoints, after epochs")
    if stored is not None:
        progress = stored.progress
        _resume(model, fitting, stored)
    elif fitting.warm_start is not None:
        _build(model, fitting)
        _forget(fitting.phases[0].optimizers)
        fitting.warm_start()
    with _Scalars(fitting.log_dir) as scalars:
        for epoch in range(progress.epochs):
            scalars.write(epoch, {name: values[epoch] for name, values in _whole(progress).items()})
        while progress.epochs < fitting.phases[-1].epochs and not progress.stopped:
            figures = _run_epoch(model, fitting, progress)
            scalars.write(progress.epochs - 1, figures)
            if checkpoint is not None:
                phase = fitting.phases[fitting.phase(progress.epochs - 1)]
                checkpoint.save(_groups(model, phase), progress)
    if progress.best_weights:
        for variable, value in zip(model.variables, progress.best_weights, strict=True):
            variable.assign(value)
    return progress.history


def _whole(progress: Progress) -> dict[str, list[float]]:
    """The figures that every epoch had."""
    return {name: values for name, values in progress.history.items() if len(values) == progress.epochs}


def _groups(model: tf_keras.Model, phase: Phase) -> Mapping[str, Sequence[tf.Variable]]:
    """The variables that decide how a phase goes on."""
    optimizers = {f"optimizer{i}": list(entry.variables) for i, entry in enumerate(phase.optimizers)}
    return {"model": model.variables, **optimizers}


def _resume(model: tf_keras.Model, fitting: Fitting, stored: Stored) -> None:
    """Puts a model where a checkpoint says that it stood."""
    done = stored.progress.epochs
    logging.getLogger(__name__).info("going on after epoch %d, from a checkpoint", done)
    phase = fitting.phases[fitting.phase(done - 1)]
    phase.restructure()
    _build(model, fitting)
    stored.restore(_groups(model, phase))
    phase.begin()


def _build(model: tf_keras.Model, fitting: Fitting) -> None:
    """Runs a step: layers and optimizers make their variables in it, and only then can be given values."""
    first = fitting.distribution.feed(fitting.train(epoch_seed(fitting.seed, _NO_EPOCH)))
    model.fit(first.batches, steps_per_epoch=1, verbose=0)


def _forget(optimizers: Sequence[tf_keras.optimizers.Optimizer]) -> None:
    """Takes back what the step that built them left in optimizers: counts and moments, zeros at first."""
    for optimizer in optimizers:
        for variable in optimizer.variables:
            if variable is not optimizer.learning_rate:
                variable.assign(tf.zeros_like(variable))


def _run_epoch(model: tf_keras.Model, fitting: Fitting, progress: Progress) -> dict[str, float]:
    """Runs the next epoch and takes down what came of it; gives its figures."""
    epoch = progress.epochs
    number = fitting.phase(epoch)
    phase = fitting.phases[number]
    start = fitting.phases[number - 1].epochs if number else 0
    if epoch == start:
        phase.restructure()
        phase.begin()
    reseed(model, fitting.seed, epoch)
    train = fitting.distribution.feed(fitting.train(epoch_seed(fitting.seed, epoch)))
    validation = fitting.distribution.feed(fitting.validation)
    done = model.fit(
        train.batches,
        initial_epoch=epoch,
        epochs=epoch + 1,
        steps_per_epoch=train.steps,
        validation_data=validation.batches,
        validation_steps=validation.steps,
        callbacks=[*fitting.callbacks, LogEpochs()],
        verbose=0,
    )
    figures = {name: float(values[0]) for name, values in done.history.items()}
    progress.epochs += 1
    for name, value in figures.items():
        progress.history.setdefault(name, []).append(value)
    if phase.patience is not None:
        _judge(model, fitting.monitor, progress, figures)
        progress.stopped = progress.epochs - max(progress.best_epoch, start) >= phase.patience
    return figures


def _judge(model: tf_keras.Model, monitor: Monitor, progress: Progress, figures: Mapping[str, float]) -> None:
    """Keeps the model's variables if the epoch was the best so far.

    Raises:
      ValueError: What is monitored is not among the figures.
    """
    if monitor.name not in figures:
        raise ValueError(f"'{monitor.name}' is monitored, and there are {', '.join(sorted(figures))}")
    if monitor.is_better(figures[monitor.name], progress.best):
        progress.best, progress.best_epoch = figures[monitor.name], progress.epochs
        progress.best_weights = [variable.numpy() for variable in model.variables]


class _Scalars:
    """TensorBoard's curves, named as Keras names them; a training that goes on writes those before, too."""

    def __init__(self, log_dir: str):
        """Opens the logs in a folder."""
        self._stack = ExitStack()
        self._writers = {}
        for split in ("train", "validation"):
            self._writers[split] = tf.summary.create_file_writer(f"{log_dir}/{split}")
            self._stack.callback(self._writers[split].close)

    def __enter__(self) -> _Scalars:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def write(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Writes an epoch's figures."""
        for name, value in figures.items():
            split = "validation" if name.startswith(_VALIDATION) else "train"
            with self._writers[split].as_default():
                tf.summary.scalar(f"epoch_{name.removeprefix(_VALIDATION)}", value, step=epoch)
