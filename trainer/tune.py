"""Searches for hyperparameters of the models that are shipped, by the trainings that train them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import tf_keras

from pipeline.config.search_space import value_at, with_values
from pipeline.config.tuning import Search
from pipeline.errors import InputError
from pipeline.files import replaced
from trainer.checkpoints import Checkpoint, checkpoint_folder
from trainer.fitting import Monitor
from trainer.search import Outcome, run_search
from trainer.settings import ModelSettings, RankingSettings, RetrievalSettings
from trainer.streams import TransformedStream
from trainer.train_ranking import MONITOR as RANKING_MONITOR
from trainer.train_ranking import train_ranking
from trainer.train_retrieval import MONITOR as RETRIEVAL_MONITOR
from trainer.train_retrieval import train_retrieval

Settings = TypeVar("Settings", bound=ModelSettings)
# Settings, folder of logs and checkpoint to figure to its value after each epoch.
Train = Callable[[Settings, str, Checkpoint], dict[str, list[float]]]


@dataclass(frozen=True)
class TuningPlaces:
    """Where a search keeps what it goes on from when it was killed.

    Attributes:
      folder: Gets outcomes of trials, their logs, and KerasTuner's project. Local; it holds figures, and
        nothing of users.
      checkpoint_dir: Gets the checkpoint of the trial that is trained.
      inputs: All that the trainings depend on beside their settings: code, where the inputs stand.
    """

    folder: Path
    checkpoint_dir: str
    inputs: tuple[str, ...]


def tune_retrieval(
    interactions: TransformedStream,
    items: TransformedStream,
    settings: RetrievalSettings,
    search: Search,
    places: TuningPlaces,
) -> list[Outcome]:
    """Tries settings of the retrieval model; each is judged by the validation NDCG of the model that
    would be kept: the best epoch's, or the last one's without early stopping.

    Args:
      interactions: The interaction stream, splits `train` and `eval`; no other is read.
      items: The item stream, split `corpus`.
      settings: Those that are not tried, and the seed, which all trials share.
      search: What is tried.
      places: Where outcomes are kept.

    Returns:
      The outcomes, in the order of the trials.

    Raises:
      InputError: No training had a figure that was a number.
    """

    def train(trial: RetrievalSettings, log_dir: str, checkpoint: Checkpoint) -> dict[str, list[float]]:
        return train_retrieval(interactions, items, trial, None, log_dir, checkpoint)

    return _tune("retrieval", settings, train, RETRIEVAL_MONITOR, search, places)


def tune_ranking(
    interactions: TransformedStream,
    items: TransformedStream,
    retrieval_dir: str,
    settings: RankingSettings,
    search: Search,
    places: TuningPlaces,
) -> list[Outcome]:
    """Tries settings of the ranking model; of each, the lowest validation loss counts.

    Args:
      interactions: The interaction stream, splits `train` and `eval`; no other is read.
      items: The item stream, split `corpus`.
      retrieval_dir: SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
      settings: Those that are not tried, and the seed, which all trials share.
      search: What is tried.
      places: Where outcomes are kept.

    Returns:
      The outcomes, in the order of the trials.

    Raises:
      InputError: No training had a figure that was a number.
    """

    def train(trial: RankingSettings, log_dir: str, checkpoint: Checkpoint) -> dict[str, list[float]]:
        return train_ranking(interactions, items, retrieval_dir, trial, None, log_dir, checkpoint)

    return _tune("ranking", settings, train, RANKING_MONITOR, search, places)


def _tune(
    section: str,
    settings: Settings,
    train: Train[Settings],
    monitor: Monitor,
    search: Search,
    places: TuningPlaces,
) -> list[Outcome]:
    """Runs a search over a section of the settings."""
    outcomes = places.folder / "trials"
    outcomes.mkdir(parents=True, exist_ok=True)
    configured = getattr(settings, section)

    def run(values: dict[str, object]) -> Outcome:
        tried = with_values(configured, values)
        trial = settings.model_copy(update={section: tried})
        checkpoint = checkpoint_folder(places.checkpoint_dir, trial.model_dump_json(), *places.inputs)
        name = Path(checkpoint).name
        kept = _Kept(outcomes / f"{name}.json")
        outcome = kept.read()
        if outcome is None:
            tf_keras.backend.clear_session()  # of the trials before
            since = time.monotonic()
            figures = train(trial, str(places.folder / "logs" / name), Checkpoint(checkpoint))
            seconds = round(time.monotonic() - since, 1)
            outcome = Outcome.of(values, figures, monitor, seconds, last_counts=tried.patience is None)
            kept.write(outcome)
        return outcome

    values = {key: value_at(configured, key) for key in search.space}
    done = run_search(search, monitor, values, run, settings.seed, places.folder / f"{section}_project")
    if all(outcome.score is None for outcome in done):
        raise InputError(
            f"tuning.{section}: in none of {len(done)} trials '{monitor.name}' was a number; "
            "give the space lower learning rates"
        )
    return done


class _Kept:
    """The outcome of one trial, on disk."""

    def __init__(self, path: Path):
        """Initializes; nothing is read or written yet."""
        self._path = path

    def read(self) -> Outcome | None:
        """The outcome; `None` if there is none, or, with a warning, if it is damaged."""
        if not self._path.exists():
            return None
        try:
            return Outcome(**json.loads(self._path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            logging.getLogger(__name__).warning("%s is damaged; the trial runs again", self._path)
            return None

    def write(self, outcome: Outcome) -> None:
        """Writes it whole."""
        with replaced(self._path) as file:
            file.write(json.dumps(asdict(outcome)).encode())
