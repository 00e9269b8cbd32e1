"""Two machines, here processes on the loopback, train what one trains, also after one of them died."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from schemas.features import TableLayout
from tests.checkerboard import settings as checkerboard_settings
from trainer.checkpoints import Checkpoint
from trainer.settings import RankingSettings, RetrievalSettings
from trainer.worker import TrainingJob, run_job

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 600  # seconds, of what takes less than a minute on an idle machine
# One replica, on the one processor that this process has. On `one_device` Keras finds the end of the data in
# a step, which the optimizer counts: from the second epoch on, Adam's steps differ by some hundredths.
ALONE = "mirrored"
# Sums of the same numbers in another order; where a gradient is next to nothing, Adam makes much of that.
TOLERANCE = 1e-3
LAYOUT = TableLayout(
    user_categories=("user_region",),
    user_numbers=("user_age",),
    item_categories=("item_genre",),
    item_numbers=("item_minutes",),
    has_text=True,
)
# Replicas draw their own dropout; without any, they must do what one device does.
NO_DROPOUT = {
    "dropout": 0.0,
    "id_dropout": 0.0,
    "time_dropout": 0.0,
    "attribute_dropout": 0.0,
    "shuffle_ties": False,
    "history_encoder": {"kind": "mean", "dropout": 0.0},
    "epochs": 2,
    "learning_rate": 1e-3,
}


@dataclass(frozen=True)
class Jobs:
    """Trainings on what the shared run made of the small world.

    Attributes:
      artifacts: Of the shared run.
    """

    artifacts: Path

    def _streams(self) -> dict:
        return {
            stream: {
                "examples": self._first(f"{stream}.Materializer/transformed_examples"),
                "graph": self._first(f"{stream}.Transform/transform_graph"),
            }
            for stream in ("interactions", "items")
        }

    def _first(self, output: str) -> str:
        return str(min((self.artifacts / output).iterdir(), key=lambda path: int(path.name)))

    def _job(self, folder: Path, trained: dict) -> TrainingJob:
        return TrainingJob(
            **self._streams(),
            **trained,
            log_dir=str(folder / "logs"),
            checkpoint_dir=str(folder / "checkpoints"),
        )

    def retrieval(self, folder: Path, distribution: str) -> TrainingJob:
        config = checkerboard_settings(folder)
        settings = RetrievalSettings(
            layout=LAYOUT,
            features=config["features"],
            seed=3,
            text={**config["text"], "training": "frozen"},
            training={"distribution": distribution},
            retrieval={**config["retrieval"], **NO_DROPOUT},
        )
        return self._job(folder, {"settings": settings, "model_dir": str(folder / "model")})

    def ranking(self, folder: Path, distribution: str) -> TrainingJob:
        """One that goes on from the shared run's model."""
        config = checkerboard_settings(folder)
        settings = RankingSettings(
            layout=LAYOUT,
            features=config["features"],
            seed=3,
            training={"distribution": distribution},
            ranking={**config["ranking"], "dropout": 0.0, "epochs": 2, "learning_rate": 1e-3},
        )
        return self._job(
            folder,
            {
                "settings": settings,
                "retrieval_dir": self._first("RetrievalTrainer/model"),
                "earlier": {
                    "model": self._first("RankingTrainer/model"),
                    "interactions_graph": self._first("interactions.Transform/transform_graph"),
                    "items_graph": self._first("items.Transform/transform_graph"),
                },
            },
        )


@pytest.fixture(scope="module")
def jobs(world) -> Jobs:
    return Jobs(world.artifacts)


def _addresses() -> list[str]:
    """Two that are free now; all are held until all are found, so that none comes twice."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(2)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def _start(job: TrainingJob, folder: Path, dies_in: int = -1) -> list[subprocess.Popen]:
    """Two workers; the second one kills itself in the middle of an epoch."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "job.json"
    path.write_text(job.model_dump_json())
    addresses, workers = _addresses(), []
    for index in range(2):
        temporary = folder / f"tmp{index}"
        temporary.mkdir(exist_ok=True)
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        command = ["tests.e2e.dying_worker", str(dies_in)] if index and dies_in >= 0 else ["trainer.worker"]
        with (folder / f"output{index}").open("w") as output:
            workers.append(
                subprocess.Popen(
                    [sys.executable, "-W", "ignore", "-m", *command, str(path)],
                    cwd=ROOT,
                    env={**os.environ, "TF_CONFIG": json.dumps(cluster), "TMPDIR": str(temporary)},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )
    return workers


def _finish(workers: list[subprocess.Popen]) -> list[int]:
    """Exit codes; none is left running."""
    try:
        return [worker.wait(DEADLINE) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _train(job: TrainingJob, folder: Path) -> None:
    """Trains on two workers; once more if somebody else took a port in the meantime."""
    for _ in range(3):
        codes = _finish(_start(job, folder))
        said = "".join((folder / f"output{index}").read_text() for index in range(2))
        if "Address already in use" not in said:
            break
    assert codes == [0, 0], said[-5000:]


def _curves(folder: Path) -> dict[str, list[float]]:
    """Figures after each epoch, as TensorBoard got them."""
    curves: dict[str, dict[int, float]] = {}
    for split in ("train", "validation"):
        (file,) = (folder / "logs" / split).glob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                curves.setdefault(f"{split} {value.tag}", {})[event.step] = float(
                    tf.make_ndarray(value.tensor)
                )
    return {name: [steps[step] for step in sorted(steps)] for name, steps in curves.items()}


def _assert_same_curves(folder: Path, expected: Path) -> None:
    ours, theirs = _curves(folder), _curves(expected)
    assert ours.keys() == theirs.keys()
    assert len(ours["train epoch_loss"]) == 2
    for name, curve in theirs.items():
        # A rank jumps where the last bit of a score decides, and the area under a curve with it.
        loose = name.endswith(("ndcg", "recall_at_20", "auc"))
        tolerance = 0.01 if loose else TOLERANCE
        np.testing.assert_allclose(ours[name], curve, rtol=tolerance, atol=tolerance, err_msg=name)


def _scratch(folder: Path) -> list[str]:
    """What the workers left in their temporary folders."""
    return [path.name for index in range(2) for path in (folder / f"tmp{index}").iterdir()]


def test_two_workers_that_go_on_from_a_ranking_model_train_that_of_one(jobs, tmp_path):
    job = jobs.ranking(tmp_path / "one", ALONE)
    run_job(job)
    _train(jobs.ranking(tmp_path / "two", "multi_worker"), tmp_path / "two")
    _assert_same_curves(tmp_path / "two", tmp_path / "one")
    anew = tmp_path / "anew"
    changes = {"earlier": None, "log_dir": str(anew / "logs"), "checkpoint_dir": str(anew / "checkpoints")}
    run_job(job.model_copy(update=changes))
    ours, theirs = (_curves(tmp_path / name)["train epoch_loss"] for name in ("two", "anew"))
    assert ours[0] < theirs[0]


def test_two_workers_of_which_one_is_killed_train_the_retrieval_model_of_one(jobs, tmp_path):
    """The other one ends with a message; started again, both go on after the epoch that was whole."""
    run_job(jobs.retrieval(tmp_path / "one", ALONE))
    folder = tmp_path / "two"
    job = jobs.retrieval(folder, "multi_worker")
    codes = _finish(_start(job, folder, dies_in=1))
    output = (folder / "output0").read_text()
    assert codes == [5, -signal.SIGKILL], output[-5000:]
    assert "worker 0 (127.0.0.1:" in output
    assert "another machine of the training was lost; start it on all of them again" in output
    assert Checkpoint(f"{job.checkpoint_dir}/training").load().progress.epochs == 1
    assert not (folder / "model").exists()

    for path in (folder / "logs").rglob("events*"):
        path.unlink()  # the training that goes on writes all curves again
    _train(job, folder / "again")
    assert "going on after epoch 1" in (folder / "again/output1").read_text()
    assert not Path(job.checkpoint_dir).exists()
    assert _scratch(folder / "again") == []
    _assert_same_curves(folder, tmp_path / "one")
    ours, theirs = (
        tf.saved_model.load(str(place / "model")).corpus.embeddings.numpy()
        for place in (folder, tmp_path / "one")
    )
    np.testing.assert_allclose(ours, theirs, atol=0.01)
