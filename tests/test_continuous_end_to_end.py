"""A day comes after another: training goes on from the last models, and is killed at each of its steps."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

from serving.layout import versions
from tests.checkerboard import write_checkerboard, write_config
from tests.e2e.conftest import recstack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
DAY = 86_400
NEWCOMER, NEW_ITEM = "u_new", "i_new"
# So small that nothing moves: what is trained ends as what it started from.
STILL = {"learning_rate": 1e-12, "text_learning_rate": 1e-12, "epochs": 1}
# They act on what is outside, or only look something up.
COMPARE_WITH_WHAT_IS_SERVED = ("DriftValidator", "AnomalyGate")  # once the bundle is pushed, another one
NEVER_REUSED = ("Pusher", "LastBlessedModels", "LastBlessedBundle")


def _write_day(folder, day, events):
    span = folder / "log" / pd.Timestamp(day * DAY, unit="s").strftime("%Y-%m-%d")
    span.mkdir(parents=True)
    events.to_csv(span / "events.csv", index=False)


def _changes(**sections):
    interactions = {"path": "log", "value": "stars", "spans": {"window": 8}}
    return {"data": {"interactions": interactions}, "training": {"warm_start": True}, **sections}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A first run on all days but the last; then that day comes, with a new user and a new item."""
    folder = tmp_path_factory.mktemp("days")
    write_checkerboard(folder)
    log = pd.read_csv(folder / "log.csv")
    by_day = dict(list(log.groupby(log.timestamp // DAY)))
    *early, last = sorted(by_day)
    for day in early:
        _write_day(folder, day, by_day[day])
    first = recstack("run", "--config", write_config(folder, _changes()))
    assert first.returncode == 0, first.stdout + first.stderr
    news = pd.DataFrame(
        {
            "user_id": [NEWCOMER] * 3 + ["u0"],
            "item_id": ["i0", "i3", "i6", NEW_ITEM],
            "stars": 5,
            "timestamp": early[-3] * DAY + np.arange(4),  # late, so that training sees it
        }
    )
    _write_day(folder, last, pd.concat([news, by_day[last]]))
    items = pd.read_csv(folder / "items.csv", keep_default_na=False)
    new = {"item_id": NEW_ITEM, "genre": "comedy", "title": "new", "plot": "", "minutes": 100}
    pd.concat([pd.DataFrame([new]), items]).to_csv(folder / "items.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def steps(world):
    """What each of the killed runs finished: `[run, step, whether it was reused]`."""
    still = {name: STILL[name] for name in ("learning_rate", "epochs")}
    config = write_config(world, _changes(retrieval=STILL, ranking=still), name="second.yaml")
    record = world / "steps.jsonl"
    command = [sys.executable, "-m", "tests.e2e.killed_run", str(config), str(record)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=3000, check=False
    )
    log = world / "runs/checkerboard/run.log"
    assert done.returncode == 0, done.stderr[-3000:] + log.read_text()[-3000:]
    return [json.loads(line) for line in record.read_text().splitlines()]


def test_every_step_was_killed_and_none_that_had_finished_was_run_again(world, steps):
    by_run = defaultdict(list)
    for run, step, reused in steps:
        by_run[run].append((step, reused))
    last = max(by_run)
    assert last == len(by_run[last])  # a run for each step to be killed in, and the one that ended
    assert len(by_run[last]) > 25
    finished = set()
    for run in sorted(by_run):
        for step, reused in by_run[run]:
            looks_anew = step in NEVER_REUSED or (run == last and step.endswith(COMPARE_WITH_WHAT_IS_SERVED))
            assert reused or step not in finished or looks_anew, (run, step)
        finished |= {step for step, _ in by_run[run]}


def test_the_bundle_was_pushed_once_and_is_whole(world, steps):
    bundle = world / "runs/checkerboard/bundle"
    assert versions(bundle) == [1, 2]
    assert recstack("doctor", "--bundle", bundle).returncode == 0
    summaries = sorted((world / "runs/checkerboard/data").glob("*/summary.json"))
    newest = max(json.loads(path.read_text())["spans"]["window"][-1] for path in summaries)
    assert newest == max(path.name for path in (world / "log").iterdir())


def _weights(world, node):
    """What the models of both runs have learnt, by group, place and name; the first run's first."""
    folders = sorted(
        (world / f"runs/checkerboard/artifacts/{node}/model").iterdir(), key=lambda path: int(path.name)
    )
    whole = [path / "weights.safetensors" for path in folders if (path / "weights.safetensors").is_file()]
    return _named(whole[0]), _named(whole[-1])


def _named(path):
    with safe_open(str(path), framework="numpy") as file:
        names = json.loads(file.metadata()["names"])
        return {
            (group, place, name): file.get_tensor(f"{group}/{place:06d}")
            for group, of_group in names.items()
            for place, name in enumerate(of_group)
        }


def _sorted_rows(values):
    """Rows in an order of their own, so that it does not matter which words stand where."""
    rows = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
    return rows[np.lexsort(rows.T)]


def _assert_same(ours, theirs, name):
    """But for what a step of the smallest length moves."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9, err_msg=str(name))


def _assert_carried(before, after, vocabularies):
    """Rows go by their words; what has no words, or the same ones, has the same rows in some order.

    Args:
      before: Weights of the first run.
      after: Of the second.
      vocabularies: Part of a name to the words of both runs.
    """
    moved = {name for name in before if before[name].shape != after[name].shape}
    for name in before:
        if name not in moved:
            _assert_same(_sorted_rows(after[name]), _sorted_rows(before[name]), name)
            continue
        old, new = next(words for part, words in vocabularies.items() if part in name[2])
        kept = [word for word in old if word in new]
        assert len(kept) > 5
        was, now = ([words.index(word) for word in kept] for words in (old, new))
        _assert_same(after[name][now], before[name][was], name)
    return moved


def _words(world, stream, name):
    """A vocabulary of both runs, the first run's first."""
    files = sorted(
        (world / f"runs/checkerboard/artifacts/{stream}.Transform/transform_graph").glob(
            f"*/transform_fn/assets/{name}*"
        ),
        key=lambda path: int(path.parts[-4]),
    )
    return files[0].read_text().split(), files[-1].read_text().split()


def test_embeddings_are_carried_over_by_word_and_the_rest_as_it_is(world, steps):
    before, after = _weights(world, "RetrievalTrainer")
    old, new = _words(world, "items", "item_id")
    assert NEW_ITEM in new
    assert NEW_ITEM not in old
    assert old != new[: len(old)]  # so that places alone would mislead
    (ids,) = (name for name in before if name[0] == "item_ids")
    _assert_same(after[ids][new.index(NEW_ITEM)], before[ids][-1], ids)
    crosses = _words(world, "interactions", "weekday_x_user_region")
    moved = _assert_carried(before, after, {"item_id": (old, new), "weekday_x_user_region": crosses})
    assert ids in moved


def test_the_ranking_model_starts_from_the_last_one_as_well(world, steps):
    before, after = _weights(world, "RankingTrainer")
    items, users = _words(world, "items", "item_id"), _words(world, "interactions", "user_id")
    assert NEWCOMER in users[1]
    crosses = _words(world, "interactions", "weekday_x_user_region")
    of_items = {f"factors/{name}": items for name in ("candidate", "valued", "seen", "item_bias")}
    words = {"weekday_x_user_region": crosses, **of_items, "factors/user": users}
    moved = _assert_carried(before, after, words)
    assert sum("factors/" in name[2] for name in moved) == 6


@pytest.fixture(scope="module")
def watched(world, steps):
    """The configuration of a watch that finds everything done, and what it said."""
    still = {name: STILL[name] for name in ("learning_rate", "epochs")}
    continuous = {"every_hours": 10_000.0}
    changes = _changes(retrieval=STILL, ranking=still, continuous=continuous)
    config = write_config(world, changes, name="watched.yaml")
    return config, recstack("watch", "--once", "--config", config)


def _last_run(world):
    return json.loads((world / "runs/checkerboard/last_run.json").read_text())


def _write_next_day(world, events):
    """A day after the last, with events that the days before have already."""
    newest = max(path.name for path in (world / "log").iterdir())
    _write_day(world, pd.Timestamp(newest).value // 10**9 // DAY + 1, events)


def test_a_watch_starts_a_run_if_there_was_none(world, watched):
    _, done = watched
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a run is due: there was no run before" in done.stdout
    assert _last_run(world)["exit_code"] == 0
    assert versions(world / "runs/checkerboard/bundle") == [1, 2]  # everything was reused


def test_without_a_new_span_nothing_is_due(world, watched):
    config, _ = watched
    done = recstack("watch", "--once", "--config", config)
    assert (done.returncode, done.stdout) == (0, "")


def test_drift_makes_a_run_due_and_what_is_like_before_does_not(world, watched):
    """The run that is due finds too many events twice, so that it ends at once, and is taken down."""
    config, _ = watched
    log = pd.read_csv(world / "log.csv")
    before = _last_run(world)
    _write_next_day(world, log.head(300))
    done = recstack("watch", "--once", "--config", config)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert _last_run(world) == before
    north = log[log.user_id.str[1:].astype(int) % 2 == 1]
    _write_next_day(world, north.head(300))
    done = recstack("watch", "--once", "--config", config)
    assert "has moved from what the served version learnt" in done.stdout, done.stdout + done.stderr
    assert "cleaning.max_rejected allows" in done.stderr
    assert done.returncode == _last_run(world)["exit_code"] == 4
    again = recstack("watch", "--once", "--config", config)
    assert (again.returncode, again.stdout) == (0, "")


def test_what_does_not_come_in_spans_is_not_watched(world):
    changes = {"data": {"interactions": {"path": "log.csv", "value": "stars"}}}
    done = recstack("watch", "--once", "--config", write_config(world, changes, name="one_file.yaml"))
    assert done.returncode == 2
    assert "nothing arrives that could be watched: data.interactions.spans" in done.stderr
