"""Drift and skew against a version that was trained and pushed."""

import pandas as pd
import pytest

from pipeline.statistics_files import STATISTICS_FILE
from serving.layout import versions, versions_dir
from tests.e2e.conftest import step_lines
from tests.trainer.tfrecords import write_examples

pytestmark = pytest.mark.slow


def _stopped(world, changes):
    """Runs with changes, and expects the gate to stop it; the lines of the message."""
    before = versions(world.bundle)
    stopped, _ = world.run(changes)
    assert stopped.returncode == 4, stopped.stdout + stopped.stderr
    steps = step_lines(stopped.stdout)
    assert "interactions.DriftValidator" in steps
    assert not {"AnomalyGate", "RetrievalTrainer", "Pusher"} & set(steps)
    assert versions(world.bundle) == before
    return stopped.stderr.splitlines()


def test_a_version_holds_the_statistics_of_what_it_learnt_from_without_user_ids(world):
    for version in versions(world.bundle):
        files = list((versions_dir(world.bundle) / str(version) / "statistics").rglob(STATISTICS_FILE))
        assert sorted(file.parent.name for file in files) == ["interactions", "items"]
        assert not any(b"u1" in file.read_bytes() for file in files)


def test_drift_is_stopped_as_often_as_it_is_tried(world):
    users = pd.read_csv(world.folder / "users.csv").assign(region="north")
    users.to_csv(world.folder / "moved_users.csv", index=False)
    attributes = {"categories": {"region": "region"}, "numbers": {"age": "age"}}
    changes = {"data": {"users": {"path": "moved_users.csv", **attributes}}}
    for _ in range(2):  # what was stopped does not become what the next is compared with
        lines = _stopped(world, changes)
        (line,) = [line for line in lines if line.startswith("  ")]
        assert line.startswith("  interactions/train: user_region: drift: ")
        assert "is 0.49" in line  # half of the training examples were of the south
        assert "threshold 0.1" in line


def test_skew_is_stopped(world):
    write_examples(world.folder / "requests.gz", [{"user_region": "south", "user_age": 30.0}] * 50)
    lines = _stopped(world, {"validation": {"served_requests": "requests.gz"}})
    found = {line.split(":")[1].strip(): line for line in lines if line.startswith("  ")}
    assert set(found) == {"user_region", "user_age"}
    assert all(": skew: " in line for line in found.values())
    assert "threshold 0.2" in found["user_age"]
