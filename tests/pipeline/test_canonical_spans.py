"""The pipeline's input from dated folders, beside the same events in one file."""

import json
from datetime import datetime, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.canonical import prepare
from pipeline.config.run import RunConfig
from pipeline.errors import InputError

DAY = 86_400
FIRST = int(datetime(2025, 11, 20, tzinfo=timezone.utc).timestamp())
NUM_DAYS, EVENTS = 8, 30


@pytest.fixture
def log(tmp_path):
    """Events of eight days, by day in folders and all in one file."""
    rng = np.random.default_rng(0)
    days = np.repeat(np.arange(NUM_DAYS), EVENTS)
    log = pd.DataFrame(
        {
            "user_id": rng.integers(0, 10, len(days)).astype(str),
            "item_id": rng.integers(0, 12, len(days)).astype(str),
            "timestamp": FIRST + days * DAY + np.tile(np.arange(EVENTS) * 60, NUM_DAYS),
            "kind": "view",
        }
    )
    for day in range(NUM_DAYS):
        _write_day(tmp_path, day, log[days == day])
    log.to_csv(tmp_path / "log.csv", index=False)
    items = {"item_id": np.arange(12), "title": [f"t{i}" for i in range(12)]}
    pd.DataFrame(items).to_csv(tmp_path / "items.csv", index=False)
    return log


def _write_day(folder, day, events):
    path = folder / "log" / f"2025-11-{20 + day}"
    path.mkdir(parents=True)
    events.to_csv(path / "events.csv", index=False)


def _settings(tmp_path, **interactions):
    return {
        "name": "test",
        "output": tmp_path / "runs",
        "privacy": {"user_ids": "raw"},
        "data": {
            "source": "csv",
            "interactions": {**interactions, "event_type": "kind"},
            "items": {"path": tmp_path / "items.csv"},
        },
        "features": {"history_length": 5, "crosses": []},
        "ranking": {"tasks": [{"name": "view", "kind": "event", "event_type": "view"}]},
    }


def _prepare(tmp_path, **interactions):
    return prepare(RunConfig.model_validate(_settings(tmp_path, **interactions)))


def _in_spans(tmp_path, **spans):
    return _prepare(tmp_path, path=tmp_path / "log", spans=spans)


def _rows(data, *splits):
    tables = [pq.read_table(data.root / "interactions" / split) for split in splits]
    return pa.concat_tables(tables).to_pylist()


ALL = ("train", "eval", "test")


def test_examples_of_the_window_are_those_of_the_whole_log_histories_and_all(tmp_path, log):
    whole = _rows(_prepare(tmp_path, path=tmp_path / "log.csv"), *ALL)
    data = _in_spans(tmp_path, window=4)
    since = FIRST + 4 * DAY
    assert _rows(data, *ALL) == [row for row in whole if row["timestamp"] >= since]
    assert any(len(row["history_item_ids"]) == 5 for row in _rows(data, "train"))


def test_the_newest_spans_test_and_evaluate(tmp_path, log):
    data = _in_spans(tmp_path, window=5, eval=2)
    days = {split: {(row["timestamp"] - FIRST) // DAY for row in _rows(data, split)} for split in ALL}
    assert days == {"train": {3, 4}, "eval": {5, 6}, "test": {7}}
    assert data.summary["spans"]["window"] == [f"2025-11-{day}" for day in range(23, 28)]
    assert data.summary["eval_start"].startswith("2025-11-25T00:00:00")


def test_histories_reach_no_further_back_than_configured(tmp_path, log):
    data = _in_spans(tmp_path, window=4, history=1)
    times = [time for row in _rows(data, *ALL) for time in row["history_timestamps"]]
    assert min(times) >= FIRST + 3 * DAY
    assert any(time < FIRST + 4 * DAY for time in times)
    profiles = pq.read_table(data.histories_path)["history_timestamps"].to_pylist()
    assert min(min(times) for times in profiles) >= FIRST + 3 * DAY


def test_a_new_span_is_new_input_and_the_same_spans_are_not(tmp_path, log):
    before = _in_spans(tmp_path, window=4)
    assert _in_spans(tmp_path, window=4).reused
    late = log.tail(EVENTS).assign(timestamp=lambda rows: rows.timestamp + DAY)
    _write_day(tmp_path, NUM_DAYS, late)
    after = _in_spans(tmp_path, window=4)
    assert not after.reused
    assert after.root != before.root
    assert after.summary["spans"]["window"][-1] == "2025-11-28"


def test_a_folder_of_another_day_is_other_input(tmp_path, log):
    """The same bytes in another folder part the splits elsewhere."""
    before = _in_spans(tmp_path)
    (tmp_path / "log" / "2025-11-20").rename(tmp_path / "log" / "2025-11-19")
    assert _in_spans(tmp_path).root != before.root


def test_late_events_go_where_their_time_says(tmp_path, log):
    late = log.head(3).assign(item_id="11")
    late.to_csv(tmp_path / "log" / "2025-11-27" / "late.csv", index=False)
    data = _in_spans(tmp_path, window=4)
    assert len(_rows(data, "test")) == EVENTS
    assert len(_rows(data, *ALL)) == 4 * EVENTS


def test_a_span_without_events_of_its_day_is_refused(tmp_path, log):
    log.head(3).to_csv(tmp_path / "log" / "2025-11-27" / "events.csv", index=False)
    with pytest.raises(InputError, match=r"leaves 'test' empty .* hold no events of those days"):
        _in_spans(tmp_path, window=4)


def test_the_quarantine_tells_files_of_the_same_name_apart(tmp_path, log):
    path = tmp_path / "log" / "2025-11-26" / "events.csv"
    path.write_text(path.read_text() + "9,,1,view\n")
    data = _in_spans(tmp_path)
    rejected = pq.read_table(data.quarantine_dir).to_pylist()
    assert "2025-11-26/events.csv" in json.dumps(rejected, default=str)


def test_shares_and_spans_together_are_refused(tmp_path):
    settings = _settings(tmp_path, path=tmp_path, spans={})
    with pytest.raises(ValueError, match=r"split: data.interactions.spans says"):
        RunConfig.model_validate({**settings, "split": {"train": 0.8}})
