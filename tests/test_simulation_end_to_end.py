"""A log that is replayed."""

import json

import pandas as pd
import pytest

from tests.checkerboard import FIRST_SECOND, write_checkerboard, write_config
from tests.e2e.conftest import recstack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    """Three spans of a checkerboard that took a month."""
    folder = tmp_path_factory.mktemp("replayed")
    write_checkerboard(folder)
    log = pd.read_csv(folder / "log.csv")
    log["timestamp"] = FIRST_SECOND + (log.timestamp - FIRST_SECOND) * 3
    log.to_csv(folder / "log.csv", index=False)
    done = recstack("simulate", "--spans", 3, "--config", write_config(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "runs/checkerboard/simulation", done.stdout


def test_all_ways_begin_alike_and_only_one_costs_nothing_after(simulation):
    folder, _ = simulation
    spans = json.loads((folder / "simulation.json").read_text())["spans"]
    assert len(spans) == 3
    first = spans[0]["ways"]
    assert first["continuous"] == first["from scratch"] == first["frozen"]
    for span in spans[1:]:
        assert span["requests"] > 0
        for way in ("continuous", "from scratch"):
            assert span["ways"][way]["training_seconds"] > 0
            assert span["ways"][way]["data_seconds"] > 0
        assert span["ways"]["frozen"]["training_seconds"] == span["ways"]["frozen"]["data_seconds"] == 0


def test_what_goes_on_has_learnt_what_is_planted(simulation):
    """Items of one's genre alone: whoever goes on from weights that do not fit would list others."""
    folder, _ = simulation
    for span in json.loads((folder / "simulation.json").read_text())["spans"]:
        for way in span["ways"].values():
            assert way["metrics"]["recall@20"] > 0.9


def test_figures_and_plot_are_shown(simulation):
    folder, stdout = simulation
    assert (folder / "simulation.png").read_bytes().startswith(b"\x89PNG")
    assert stdout.count("requests: ndcg@10 continuous") == 3
    continuous, scratch, frozen = (line.split() for line in stdout.splitlines()[-5:-2])
    assert (continuous[0], scratch[:2], frozen[0]) == ("continuous", ["from", "scratch"], "frozen")
    assert frozen[-4:] == ["0.0", "s", "0.0", "s"]


def test_a_log_that_is_too_short_is_refused(tmp_path):
    write_checkerboard(tmp_path)
    done = recstack("simulate", "--spans", 300, "--config", write_config(tmp_path))
    assert done.returncode == 2
    assert "fewer than 300 days left to replay" in done.stderr
