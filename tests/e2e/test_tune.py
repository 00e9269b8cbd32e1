"""A search as a user runs it: what is planted is found, and a kill costs no finished trial."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from pipeline.config.run import load_config
from tests.checkerboard import write_config
from tests.e2e.conftest import recstack, step_lines

pytestmark = pytest.mark.slow

RUINOUS, GOOD = 1e-9, 0.02  # learning rates
SPACE = {
    "oracle": "random",
    "retrieval": {
        "learning_rate": {"choices": [RUINOUS, GOOD]},
        "dropout": {"min": 0.0, "max": 0.2},
        "hidden_dims": {"choices": [[8], [16]]},
    },
    "ranking": {"learning_rate": {"choices": [RUINOUS, GOOD]}, "hidden_dims": {"choices": [[8], [16]]}},
}
DEADLINE = 600


@pytest.fixture(scope="module")
def config(world):
    """The world's configuration with a space; its run's data steps are reused."""
    return write_config(world.folder, {"tuning": SPACE}, name="tuned.yaml")


def _tune(config, *arguments):
    done = recstack("tune", "--config", config, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _trials(stdout):
    """Number of each trial to what was said of it, without the time that it took."""
    kept = [line.strip() for line in stdout.splitlines() if " (epoch " in line]
    return {int(line.split()[1]): line.split(": ", 1)[1].split(" s): ") for line in kept}


def _kept(world):
    return {path: path.stat().st_mtime_ns for path in world.run_dir.glob("tuning/trials/*.json")}


def test_a_killed_search_goes_on_and_finds_what_is_planted(world, config):
    command = [sys.executable, "-m", "pipeline", "tune", "--config", config, "--trials", "4", "--epochs", "3"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + DEADLINE
    while not _kept(world):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = _kept(world)
    assert 0 < len(before) < 4

    stdout = _tune(config, "--trials", "4", "--epochs", "3")
    steps = step_lines(stdout)
    assert steps.pop("RetrievalTuner") != "reused"
    assert "RetrievalTrainer" not in steps
    assert {steps[name] for name in ("interactions.Materializer", "items.Materializer")} == {"reused"}
    assert before.items() <= _kept(world).items()  # none of them was written again
    assert len(_kept(world)) == len(_trials(stdout)) == 4
    first = json.loads(next(iter(before)).read_text())
    assert first["values"]["learning_rate"] == GOOD
    configured = f"dropout 0.2, hidden_dims [16], learning_rate {GOOD}"
    assert _trials(stdout)[1][-1] == configured

    best = yaml.safe_load((world.run_dir / "tuning" / "best.yaml").read_text())
    assert best["retrieval"]["learning_rate"] == GOOD
    assert stdout.endswith(yaml.safe_dump(best, sort_keys=False) + "\n")
    tuned = write_config(world.folder, best, name="best.yaml")  # as a user pastes it
    assert load_config(tuned).retrieval.learning_rate == GOOD
    scores = {path: json.loads(path.read_text()) for path in _kept(world)}
    ruined = [o["score"] for o in scores.values() if o["values"]["learning_rate"] == RUINOUS]
    assert ruined
    assert max(o["score"] for o in scores.values()) > max(ruined)

    for path in _kept(world):
        path.unlink()
    longer = _trials(_tune(config, "--trials", "5", "--epochs", "3"))
    said = _trials(stdout)
    assert [longer[n][-1] for n in said] == [said[n][-1] for n in said]  # values
    assert [longer[n][0].rpartition(",")[0] for n in said] == [said[n][0].rpartition(",")[0] for n in said]


def test_ranking_is_searched_on_the_trained_retrieval_model(world, config):
    stdout = _tune(config, "--of", "ranking", "--trials", "3", "--epochs", "2")
    steps = step_lines(stdout)
    assert steps["RetrievalTrainer"] == "reused"
    assert "RankingTuner" in steps
    best = yaml.safe_load((world.run_dir / "tuning" / "best.yaml").read_text())
    assert best["ranking"]["learning_rate"] == GOOD
    again = _tune(config, "--of", "ranking", "--trials", "3", "--epochs", "2")
    assert step_lines(again)["RankingTuner"] == "reused"
    table = stdout[stdout.index("best of 3 trials") :]
    assert again.endswith(table)
    assert not list(world.run_dir.glob("checkpoints/Tuner/*"))
