"""A search for hyperparameters: what is tried, in which order, and what came of it.

KerasTuner's oracles propose, and are told; trainings are ours.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.engine.trial import Trial, TrialStatus

from pipeline.config.tuning import Dimension, Search
from pipeline.progress import PROGRESS_LOGGER, RESULT_LOGGER
from trainer.fitting import Monitor
from trainer.randomness import epoch_seed

_DIGITS = 4
_BEST_FILE, _RESULTS_FILE = "best_hyperparameters.txt", "tuner_results.json"  # as TFX's own Tuner names them


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
      values: Dotted key to value, as the configuration takes it.
      score: The value of what is monitored at the epoch that counts; `None` if it was no number.
      epoch: That epoch, from 1; 0 if there is none.
      epochs: How many were run.
      seconds: How long they took.
    """

    values: dict[str, Any]
    score: float | None
    epoch: int
    epochs: int
    seconds: float

    @classmethod
    def of(
        cls,
        values: dict[str, Any],
        figures: Mapping[str, list[float]],
        monitor: Monitor,
        seconds: float,
        last_counts: bool = False,
    ) -> Outcome:
        """The outcome of a training.

        Args:
          values: Of the trial.
          figures: Figure to its value after each epoch.
          monitor: What trials are compared by.
          seconds: How long it took.
          last_counts: Whether the model is that of the last epoch, not of the best one.
        """
        monitored = figures[monitor.name]
        best, best_epoch = None, 0
        for epoch, value in enumerate(monitored, start=1):
            if monitor.is_better(value, best) and (epoch == len(monitored) or not last_counts):
                best, best_epoch = value, epoch
        return cls(values, best, best_epoch, len(monitored), seconds)


def run_search(
    search: Search,
    monitor: Monitor,
    configured: Mapping[str, Any],
    run: Callable[[dict[str, Any]], Outcome],
    seed: int,
    project: Path,
) -> list[Outcome]:
    """Runs trials one after another.

    What is proposed depends on the seed and the outcomes so far, and on nothing else. So a search that is
    killed is begun anew: `run` answers at once for trials whose outcome it has kept, and the rest are
    those of a search that was not killed. A search of more trials begins with those of one of fewer.

    The first trial is the configuration as it stands, if it lies in the space.

    Args:
      search: The space, what proposes, how many trials; fewer are run if the space has no more.
      monitor: What trials are compared by.
      configured: Key of the space to the configured value.
      run: Gives the outcome of values.
      seed: Of all draws.
      project: KerasTuner's project folder; it is made anew.

    Returns:
      The outcomes, in the order of the trials.
    """
    oracle = _oracle(search, monitor, configured, seed)
    tuner = _Tuner(oracle, search, run, project)
    tuner.search()
    return tuner.outcomes


def best_first(outcomes: list[Outcome], monitor: Monitor) -> list[int]:
    """Numbers of the outcomes, the best first, of equal ones the earlier, those without a score last."""

    def place(number: int) -> tuple[bool, float]:
        score = outcomes[number].score
        return score is None, (score or 0.0) * (-1 if monitor.highest else 1)

    return sorted(range(len(outcomes)), key=place)


def write_results(
    search: Search, outcomes: list[Outcome], monitor: Monitor, best_dir: str, results_dir: str
) -> None:
    """Writes the artifacts that TFX's own Tuner would.

    Args:
      search: The search.
      outcomes: Its outcomes; one at least has a score.
      monitor: What trials were compared by.
      best_dir: Gets `best_hyperparameters.txt`, the configuration of KerasTuner's `HyperParameters`.
      results_dir: Gets `tuner_results.json`, a list of trials, the best first and those without a score
        last: trial_id, score, epoch, epochs, seconds, and the values.
    """
    ordered = best_first(outcomes, monitor)
    best = _hyperparameters(search.space)
    winner = outcomes[ordered[0]].values
    best.values = {key: _native(search.space[key], value) for key, value in winner.items()}
    Path(best_dir, _BEST_FILE).write_text(json.dumps(best.get_config()), encoding="utf-8")
    records = []
    for number in ordered:
        record = asdict(outcomes[number])
        values = record.pop("values")
        records.append({"trial_id": str(number + 1), **record, **values})
    Path(results_dir, _RESULTS_FILE).write_text(json.dumps(records), encoding="utf-8")


class _Tuner(BaseTuner):
    """Runs the trials of an oracle."""

    def __init__(
        self,
        oracle: keras_tuner.Oracle,
        search: Search,
        run: Callable[[dict[str, Any]], Outcome],
        project: Path,
    ):
        """See :func:`run_search`."""
        self.outcomes: list[Outcome] = []
        self._search, self._run = search, run
        oracle.verbose = 0
        super().__init__(oracle, directory=str(project.parent), project_name=project.name, overwrite=True)

    def run_trial(self, trial: Trial, *_: Any, **__: Any) -> dict[str, float]:
        """KerasTuner's hook."""
        given = trial.hyperparameters.values
        values = {key: _value(dimension, given[key]) for key, dimension in self._search.space.items()}
        name = f"trial {len(self.outcomes) + 1} of {self._search.trials}"
        said = values_text(values)
        logging.getLogger(PROGRESS_LOGGER).info("%s: %s", name, said)
        try:
            outcome = self._run(values)
        except Exception as error:
            # Or KerasTuner would count it as a trial that failed, and go on.
            raise keras_tuner.errors.FatalRuntimeError(f"{name} ({said}): {error}") from error
        self.outcomes.append(outcome)
        monitored = self.oracle.objective.name
        score = "was never a number" if outcome.score is None else f"{outcome.score:.4f}"
        at = f"epoch {outcome.epoch} of {outcome.epochs}, {outcome.seconds:.0f} s"
        logging.getLogger(RESULT_LOGGER).info("%s: %s %s (%s): %s", name, monitored, score, at, said)
        return {monitored: math.nan if outcome.score is None else outcome.score}


class _FromConfigured:
    """An oracle whose first proposal is the configuration as it stands."""

    def __init__(self, start: dict[str, Any] | None, **arguments: Any):
        """Takes the values to start with, if there are any, and an oracle's own arguments."""
        self._start = start
        super().__init__(**arguments)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """KerasTuner's hook."""
        if self._start is not None and not self.trials:  # type: ignore[attr-defined]
            return {"status": TrialStatus.RUNNING, "values": dict(self._start)}
        proposal: dict[str, Any] = super().populate_space(trial_id)  # type: ignore[misc]
        return proposal


class _Random(_FromConfigured, keras_tuner.oracles.RandomSearchOracle):
    """Draws values at random."""


class _Bayesian(_FromConfigured, keras_tuner.oracles.BayesianOptimizationOracle):
    """Draws a few at random, then fits a Gaussian process to what came of them."""


def _oracle(search: Search, monitor: Monitor, configured: Mapping[str, Any], seed: int) -> keras_tuner.Oracle:
    """What proposes."""
    inside = all(_contains(dimension, configured[key]) for key, dimension in search.space.items())
    start = {key: _native(dimension, configured[key]) for key, dimension in search.space.items()}
    arguments: dict[str, Any] = {
        "start": start if inside else None,
        "objective": keras_tuner.Objective(monitor.name, "max" if monitor.highest else "min"),
        "max_trials": search.trials,
        # KerasTuner takes 0 for none.
        "seed": epoch_seed(seed, 0) + 1,
        "hyperparameters": _hyperparameters(search.space),
        "max_consecutive_failed_trials": search.trials + 1,  # one that diverges says something too
    }
    if search.oracle == "random":
        return _Random(**arguments)
    return _Bayesian(num_initial_points=search.initial_trials, **arguments)


def _hyperparameters(space: Mapping[str, Dimension]) -> keras_tuner.HyperParameters:
    """The space as KerasTuner has it."""
    result = keras_tuner.HyperParameters()
    for key, dimension in space.items():
        sampling = "log" if dimension.log else "linear"
        if dimension.choices is not None:
            result.Choice(key, [_native(dimension, choice) for choice in dimension.choices])
        elif isinstance(dimension.min, int):
            result.Int(key, dimension.min, dimension.max, step=dimension.step, sampling=sampling)
        else:
            result.Float(key, dimension.min, dimension.max, sampling=sampling)
    return result


def _native(dimension: Dimension, value: Any) -> Any:
    """A value as KerasTuner takes it: choices of which each is of another type, or none of its own, by their
    JSON."""
    return json.dumps(value) if _is_coded(dimension) else value


def _value(dimension: Dimension, native: Any) -> Any:
    """A value as the configuration takes it: a fraction in few digits, so that it can be written down."""
    if _is_coded(dimension):
        return json.loads(native)
    if dimension.min is None or dimension.max is None or isinstance(native, int):
        return native
    return min(max(float(f"{native:.{_DIGITS}g}"), dimension.min), dimension.max)


def _is_coded(dimension: Dimension) -> bool:
    """Whether KerasTuner cannot hold the choices as they are."""
    types = {type(choice) for choice in dimension.choices or ()}
    return bool(types) and (len(types) > 1 or not types <= {int, float, str})


def _contains(dimension: Dimension, value: Any) -> bool:
    """Whether a configured value is one that the search may try."""
    if dimension.choices is not None:
        return any(json.dumps(value) == json.dumps(choice) for choice in dimension.choices)
    if dimension.min is None or dimension.max is None or not dimension.min <= value <= dimension.max:
        return False
    return dimension.step is None or (value - dimension.min) % dimension.step == 0


def values_text(values: Mapping[str, Any]) -> str:
    """Values on one line."""
    return ", ".join(f"{key} {value}" for key, value in values.items())
