"""Trains one model as a file says: the command of each machine of a training that no pipeline starts.

TF_CONFIG=... python -m trainer.worker JOB.json
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from pipeline.config.base import Frozen
from pipeline.config.run import explained
from pipeline.errors import InputError, RecstackError
from schemas.features import Stream
from trainer.settings import RankingSettings, RetrievalSettings

if TYPE_CHECKING:
    from trainer.warm_start import EarlierModel


class StreamFolders(Frozen):
    """Where transformed data stand.

    Attributes:
      examples: Folder of transformed examples, one sub-folder a split.
      graph: Folder of the Transform graph.
    """

    examples: str
    graph: str


class EarlierFolders(Frozen):
    """What an earlier training left.

    Attributes:
      model: SavedModel of the same kind of model, beside which its weights stand.
      interactions_graph: Folder of the Transform graph that its interactions went through.
      items_graph: Likewise of its items.
    """

    model: str
    interactions_graph: str
    items_graph: str


class TrainingJob(Frozen):
    """A training. All machines are given the same; folders are such as all of them can reach.

    Attributes:
      interactions: The interaction stream.
      items: The item stream.
      settings: Of the model that is trained.
      retrieval_dir: SavedModel of the retrieval model, for the ranking model.
      earlier: What the training starts from; by default it starts anew.
      model_dir: Gets the SavedModel; by default only the checkpoint and the figures are of interest.
      log_dir: Gets TensorBoard's logs.
      checkpoint_dir: Holds what a training that was killed goes on from.
    """

    interactions: StreamFolders
    items: StreamFolders
    settings: RetrievalSettings | RankingSettings
    retrieval_dir: str = ""
    earlier: EarlierFolders | None = None
    model_dir: str | None = None
    log_dir: str
    checkpoint_dir: str


def read_job(path: Path) -> TrainingJob:
    """A job's file.

    Raises:
      InputError: It cannot be read, or is none.
    """
    try:
        return TrainingJob.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the job {path}: {error.strerror}") from error
    except ValidationError as error:
        raise InputError(f"{path} is not a training's job:\n{explained(error)}") from error


def run_job(job: TrainingJob) -> dict[str, list[float]]:
    """Trains the model whose settings it has, retrieval or ranking.

    Raises:
      RecstackError: The cluster is not as it should be.
    """
    from trainer.checkpoints import Checkpoint
    from trainer.distribution import distributed
    from trainer.precision import computing_in
    from trainer.streams import TransformedStream
    from trainer.train_ranking import train_ranking
    from trainer.train_retrieval import train_retrieval

    interactions, items = (TransformedStream(s.examples, s.graph) for s in (job.interactions, job.items))
    training = job.settings.training
    with distributed(training.distribution) as distribution, computing_in(training.precision):
        checkpoint = Checkpoint(f"{job.checkpoint_dir}/training", writes=distribution.is_chief)
        places = job.model_dir, job.log_dir, checkpoint
        earlier = _earlier_model(job.earlier)
        if isinstance(job.settings, RetrievalSettings):
            return train_retrieval(
                interactions, items, job.settings, *places, earlier=earlier, distribution=distribution
            )
        return train_ranking(
            interactions,
            items,
            job.retrieval_dir,
            job.settings,
            *places,
            earlier=earlier,
            distribution=distribution,
        )


def _earlier_model(folders: EarlierFolders | None) -> EarlierModel | None:
    from trainer.warm_start import EarlierModel

    if folders is None:
        return None
    graphs = {Stream.INTERACTIONS: folders.interactions_graph, Stream.ITEMS: folders.items_graph}
    return EarlierModel(folders.model, graphs)


def main(arguments: list[str] | None = None) -> int:
    """Runs a job; gives the exit code."""
    parser = argparse.ArgumentParser(description="Train one model on this machine's share of each batch.")
    parser.add_argument("job", type=Path, help="JSON; see trainer.worker.TrainingJob")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        run_job(read_job(options.job))
    except RecstackError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
