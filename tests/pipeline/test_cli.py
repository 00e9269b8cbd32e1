"""The command line: messages and exit codes, before anything is computed."""

import pandas as pd
import pytest
import yaml

from tests.checkerboard import write_checkerboard, write_config
from tests.e2e.conftest import recstack


@pytest.fixture
def folder(tmp_path):
    write_checkerboard(tmp_path)
    return tmp_path


def _change(folder, **sections):
    """Writes the configuration with whole sections replaced."""
    path = write_config(folder)
    config = {**yaml.safe_load(path.read_text()), **sections}
    path.write_text(yaml.safe_dump(config))
    return path


def _expect_refusal(folder, config, message):
    """One clear message, exit code 2, and nothing left behind."""
    done = recstack("run", "--config", config)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    left = [path for path in (folder / "runs").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert left == []


def test_an_unknown_key(folder):
    _expect_refusal(folder, write_config(folder, {"retrieval": {"epoch": 3}}), "retrieval.epoch: unknown key")


def test_a_missing_column(folder):
    table = pd.read_csv(folder / "log.csv").rename(columns={"stars": "points"})
    table.to_csv(folder / "log.csv", index=False)
    message = "log.csv has no column 'stars'; it has user_id, item_id, points, timestamp"
    _expect_refusal(folder, write_config(folder), message)


def test_an_unreadable_file(folder):
    (folder / "items.csv").unlink()
    _expect_refusal(folder, write_config(folder), "items.csv: No such file or directory")


def test_an_empty_split(folder):
    table = pd.read_csv(folder / "log.csv").assign(timestamp=1_600_000_000)
    table.to_csv(folder / "log.csv", index=False)
    _expect_refusal(folder, write_config(folder), "the time split leaves 'train' empty")


def test_too_many_bad_values_end_with_4_and_are_kept(folder):
    text = (folder / "log.csv").read_text().replace(",5,", ",five,")
    (folder / "log.csv").write_text(text)
    done = recstack("run", "--config", write_config(folder))
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("error: ")
    assert "of the 840 rows of interactions were rejected" in done.stderr
    assert "unparsable_value" in done.stderr
    (kept,) = (folder / "runs").rglob("quarantine")
    assert f"are in {kept}" in done.stderr
    assert list(kept.glob("*.parquet"))


def test_a_task_that_the_data_cannot_have(folder):
    tasks = [{"name": "buy", "kind": "event", "event_type": "buy"}]
    _expect_refusal(folder, _change(folder, ranking={"tasks": tasks}), "'buy' needs event types")


def test_weights_that_are_not_there(folder):
    config = _change(folder, text={"weights": "no_such_folder"})
    _expect_refusal(folder, config, "no BERT in")


def test_with_debug_the_stack_trace_comes_first(folder):
    done = recstack("--debug", "run", "--config", folder / "none.yaml")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "error: cannot read the configuration" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --user ID or --users FILE"),
        (["--user", "1", "--users", "users.csv"], "either --user ID or --users FILE"),
        (["--users", "users.csv"], "--users FILE and --output FILE go together"),
        (["--users", "users.csv", "--output", "out.txt", "--bundle", "."], "must end in .csv or .parquet"),
        (["--users", "users.csv", "--output", "no/out.csv", "--bundle", "."], "there is no folder no"),
        (["--users", "users.csv", "--output", "out.csv", "--bundle", "."], "has no column 'user_id'"),
        (["--user", "u1", "--bundle", "."], "no version of a bundle stands in ."),
        (["--user", "u1", "--config", "none.yaml"], "cannot read the configuration none.yaml"),
    ],
)
def test_recommend_used_wrongly(folder, arguments, message):
    (folder / "users.csv").write_text("who\nu1\n")
    done = recstack("recommend", *arguments, cwd=folder)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (folder / "out.csv").exists()


def test_usage_errors_end_with_2():
    assert recstack("recommend", "--user", "1", "--k", "0").returncode == 2
    assert recstack("dance").returncode == 2


def test_the_version():
    from importlib.metadata import version

    assert recstack("--version").stdout == f"recstack {version('recstack')}\n"


def test_data_show_names_splits_and_features(folder):
    done = recstack("data", "show", "--config", write_config(folder))
    assert done.returncode == 0, done.stderr
    assert "840 interactions of 60 users with 60 items" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["item_genre", "items", "list", "of", "string", "vocabulary"] in rows
    assert ["user_age", "interactions", "float32", "number"] in rows
    assert [row[-3:] for row in rows if row[:1] == ["train"]] == [["672", "60", "60"]]
