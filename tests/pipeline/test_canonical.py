"""The pipeline's input, from a source to files."""

import json
import logging
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.canonical import prepare
from pipeline.config.run import RunConfig
from pipeline.datasets.csv_files import CsvFiles
from pipeline.errors import AnomalyError, InputError
from schemas.features import Stream
from schemas.tables import users_schema

FIRST = 1_000_000_000
TASKS = [{"name": "rating", "kind": "value"}, {"name": "buy", "kind": "event", "event_type": "buy"}]


@pytest.fixture
def settings(tmp_path):
    """A configuration over 100 interactions of 10 users with 12 items; user 9 has no row."""
    rng = np.random.default_rng(0)
    log = pd.DataFrame(
        {
            "user_id": rng.integers(0, 10, 100).astype(str),
            "item_id": rng.integers(0, 12, 100).astype(str),
            "timestamp": np.arange(FIRST, FIRST + 100)[::-1],
            "stars": rng.integers(1, 6, 100),
            "kind": np.where(np.arange(100) % 2, "buy", "view"),
        }
    )
    log.to_csv(tmp_path / "log.csv", index=False)
    items = {"item_id": np.arange(12), "title": [f"t{i}" for i in range(12)], "tags": ["x y"] * 12}
    pd.DataFrame(items).to_csv(tmp_path / "items.csv", index=False)
    users = {"user_id": np.arange(9), "sex": [*"mffmfmfm", ""], "age": range(20, 29)}
    pd.DataFrame(users).to_csv(tmp_path / "users.csv", index=False)
    return {
        "name": "test",
        "output": tmp_path / "runs",
        "privacy": {"user_ids": "raw"},
        "data": {
            "source": "csv",
            "interactions": {"path": tmp_path / "log.csv", "value": "stars", "event_type": "kind"},
            "items": {
                "path": tmp_path / "items.csv",
                "categories": {"tags": {"column": "tags", "separator": " "}},
            },
            "users": {
                "path": tmp_path / "users.csv",
                "categories": {"sex": "sex"},
                "numbers": {"age": "age"},
            },
        },
        "features": {"history_length": 5, "crosses": [["weekday", "user_sex"]]},
        "ranking": {"tasks": TASKS},
    }


def _prepare(settings):
    return prepare(RunConfig.model_validate(settings))


def _read(data, split):
    return pq.read_table(data.root / "interactions" / split / "part-00000.parquet")


def test_files_hold_the_declared_features_in_order(settings):
    data = _prepare(settings)
    for split in ("train", "eval", "test"):
        expected = [feature.name for feature in data.features.of(Stream.INTERACTIONS)]
        assert _read(data, split).column_names == expected
    items = pq.read_table(data.stream_dir(Stream.ITEMS) / "corpus" / "part-00000.parquet")
    assert items.column_names == ["item_id", "title", "item_tags"]
    assert items["item_tags"].to_pylist()[0] == ["x", "y"]
    assert items.num_rows == 12
    assert data.features.crosses == (("weekday", "user_sex"),)


def test_splits_follow_time_and_keep_everything(settings):
    data = _prepare(settings)
    times = [_read(data, split)["timestamp"].to_pylist() for split in ("train", "eval", "test")]
    assert [len(split) for split in times] == [80, 10, 10]
    assert [*times[0], *times[1], *times[2]] == list(range(FIRST, FIRST + 100))


def test_histories_reach_across_splits_and_no_further_than_configured(settings):
    data = _prepare(settings)
    rows = pa.concat_tables([_read(data, split) for split in ("train", "eval", "test")]).to_pylist()
    for place, row in enumerate(rows):
        earlier = [r["item_id"] for r in rows[:place] if r["user_id"] == row["user_id"]]
        assert row["history_item_ids"] == earlier[-5:]
    assert _read(data, "test")["history_item_ids"].combine_chunks().value_lengths().to_pylist().count(5) > 0


def test_attributes_are_joined_and_null_without_a_row(settings):
    rows = _read(_prepare(settings), "train").to_pylist()
    by_user = {row["user_id"]: (row["user_sex"], row["user_age"]) for row in rows}
    assert by_user["1"] == ("f", 21.0)
    assert by_user["8"] == (None, 28.0)
    assert by_user["9"] == (None, None)


def test_users_stand_beside(settings):
    data = _prepare(settings)
    users = pq.read_table(data.users_path)
    assert users.schema.equals(users_schema(data.layout))
    assert users.num_rows == 9


def test_summary(settings):
    data = _prepare(settings)
    assert data.summary == json.loads((data.root / "summary.json").read_text())
    assert data.root.name == data.summary["digest"][:16]
    assert data.summary["eval_start"] == "2001-09-09T01:48:00+00:00"
    assert data.summary["splits"]["train"]["interactions"] == 80
    assert data.summary["items"] == 12
    assert data.summary["event_types"] == {"buy": 40, "view": 40}
    assert data.summary["layout"]["user_numbers"] == ["user_age"]


def test_the_same_is_not_made_twice(settings, monkeypatch):
    first = _prepare(settings)
    assert not first.reused
    with monkeypatch.context() as patch:
        patch.setattr(CsvFiles, "items", None)  # calling it would fail
        second = _prepare(settings)
    assert second.reused
    assert (second.root, second.summary) == (first.root, first.summary)


@pytest.mark.parametrize(
    "changes",
    [
        {"features": {"history_length": 6}},
        {"split": {"train": 0.7, "eval": 0.2, "test": 0.1}},
    ],
)
def test_another_setting_makes_other_files(settings, changes):
    assert _prepare(settings).root != _prepare({**settings, **changes}).root


def test_other_data_make_other_files(settings, tmp_path):
    first = _prepare(settings)
    with (tmp_path / "log.csv").open("a") as file:
        file.write("1,1,1100000000,5,buy\n")
    second = _prepare(settings)
    assert not second.reused
    assert second.root != first.root


def test_two_runs_write_equal_bytes(settings, tmp_path):
    first, second = _prepare(settings), _prepare({**settings, "output": tmp_path / "other"})
    files = sorted(path.relative_to(first.root) for path in first.root.rglob("*.*"))
    assert len(files) == 7
    assert all((first.root / f).read_bytes() == (second.root / f).read_bytes() for f in files)


def test_a_folder_that_a_killed_process_left_is_made_anew(settings):
    data = _prepare(settings)
    (data.root / "summary.json").unlink()
    staging = data.root.with_name(data.root.name + ".staging")
    (staging / "interactions" / "train").mkdir(parents=True)
    again = _prepare(settings)
    assert not again.reused
    assert again.summary == data.summary
    assert not staging.exists()


@pytest.mark.parametrize(
    ("tasks", "unmapped", "message"),
    [
        ([{"name": "rating", "kind": "value"}], "value", "ranking.tasks: 'rating' needs values"),
        (
            [{"name": "like", "kind": "value_at_least", "threshold": 4}],
            "value",
            "ranking.tasks: 'like' needs values",
        ),
        ([{"name": "up", "kind": "above_usual"}], "value", "ranking.tasks: 'up' needs values"),
        (TASKS, "event_type", "ranking.tasks: 'buy' needs event types"),
        (
            [{"name": "read", "kind": "dwell"}],
            "event_type",
            "ranking.tasks: 'read' needs seconds of",
        ),
    ],
)
def test_tasks_must_fit_the_layout_before_anything_is_read(settings, tmp_path, tasks, unmapped, message):
    del settings["data"]["interactions"][unmapped]
    (tmp_path / "log.csv").unlink()
    with pytest.raises(InputError, match=message):
        _prepare({**settings, "ranking": {"tasks": tasks}})


def test_an_event_type_that_never_occurs(settings):
    tasks = [{"name": "sold", "kind": "event", "event_type": "sold"}]
    for _ in range(2):  # also when the files are reused
        with pytest.raises(InputError, match=r"'sold'.*training split has none; its types are .*view"):
            _prepare({**settings, "ranking": {"tasks": tasks}})


def test_a_bad_cross(settings):
    settings["features"] = {"crosses": [["weekday", "user_hair"]]}
    with pytest.raises(
        InputError, match=r"features.crosses: cannot cross 'user_hair'; choose from .*user_sex"
    ):
        _prepare(settings)


def test_a_bad_attribute_name(settings):
    settings["data"]["users"]["numbers"] = {"id": "age"}
    with pytest.raises(InputError, match="two features would have the name 'user_id'"):
        _prepare(settings)


def test_a_few_bad_rows_are_rejected_and_kept_apart(settings, tmp_path):
    text = (tmp_path / "log.csv").read_text()
    (tmp_path / "log.csv").write_text(text.replace(str(FIRST + 50), "soon"))
    data = _prepare(settings)
    assert data.summary["cleaning"]["interactions"] == {
        "read": 100,
        "kept": 99,
        "rules": {"unparsable_value": 1},
    }
    (reject,) = pq.read_table(data.quarantine_dir).to_pylist()
    assert (reject["file"], reject["row"], reject["detail"]) == ("log.csv", 50, "timestamp: 'soon'")


def test_too_many_bad_rows_stop_and_are_kept(settings, tmp_path):
    settings["cleaning"] = {"max_rejected": 0.005}
    text = (tmp_path / "log.csv").read_text()
    (tmp_path / "log.csv").write_text(text.replace(str(FIRST + 50), "soon"))
    with pytest.raises(
        AnomalyError, match=r"1.0% of the 100 rows of interactions were rejected.*soon|unpars"
    ):
        _prepare(settings)
    (kept,) = (tmp_path / "runs" / "test" / "data").glob("*.rejected")
    assert pq.read_table(kept / "quarantine")["rule"].to_pylist() == ["unparsable_value"]
    assert not list((tmp_path / "runs" / "test" / "data").glob("*.staging"))


def test_an_empty_split_leaves_nothing_behind(settings, tmp_path):
    (tmp_path / "log.csv").write_text("user_id,item_id,timestamp,stars,kind\n1,1,1000000005,3,buy\n")
    with pytest.raises(InputError, match="leaves 'train' empty"):
        _prepare(settings)
    assert all(path.suffix == ".lock" for path in (tmp_path / "runs" / "test" / "data").iterdir())


def test_an_output_that_cannot_be_written(settings, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot (read|write to) .*file"):
        _prepare({**settings, "output": tmp_path / "file"})


def test_two_processes_at_once(settings, tmp_path):
    config = RunConfig.model_validate(settings).model_dump_json()
    program = (
        "import sys; from pipeline.canonical import prepare; from pipeline.config.run import RunConfig\n"
        "print(prepare(RunConfig.model_validate_json(sys.argv[1])).reused)\n"
        "assert 'tensorflow' not in sys.modules, 'preparing needs no TensorFlow'"
    )
    command = [sys.executable, "-c", program, config]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) for _ in range(2)]
    outputs = sorted(process.communicate(timeout=60)[0].decode().strip() for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs == ["False", "True"]
    assert sorted(p.suffix for p in (tmp_path / "runs" / "test" / "data").iterdir()) == ["", ".lock"]


def test_missing_item_rows_do_not_stop(settings, tmp_path, caplog):
    with (tmp_path / "log.csv").open("a") as file:
        file.write("1,NEW,1100000000,5,buy\n")
    with caplog.at_level(logging.WARNING):
        assert _prepare(settings).summary["items"] == 13
    assert len(caplog.records) == 1
