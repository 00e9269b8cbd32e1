"""The three steps, without Beam: what they read, reject and write."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.config.data import SplitConfig
from pipeline.preparation.clean_shard import clean_shard, read_report
from pipeline.preparation.ingest import ingest_part, shard_of
from pipeline.preparation.prepare_tables import prepare_tables
from pipeline.preparation.settings import time_limits
from pipeline.preparation.spill import read_arrow
from pipeline.privacy.pseudonyms import PseudonymKey
from schemas.features import RARE_ITEM_ID
from tests.pipeline.preparation.small_source import FIRST, small_settings, small_source

KEY = PseudonymKey(bytes(range(32)))
BEAM = ["--runner=DirectRunner"]


def _log(count=40, users=4, items=5):
    n = np.arange(count)
    return pd.DataFrame(
        {
            "user_id": [f"person-{i}" for i in n % users],
            "item_id": [f"i{i}" for i in (n * 7) % items],
            "timestamp": FIRST + n * 100,
            "amount": 1.0 + n % 5,
            "kind": np.where(n % 3 == 0, "buy", "view"),
        }
    )


def _prepared(tmp_path, settings):
    settings.folder.mkdir()
    users, histories = settings.folder / "users.parquet", settings.folder / "histories.parquet"
    items, summary = prepare_tables(settings, SplitConfig(), {}, BEAM, users, histories)
    splits = {
        split: pq.read_table(settings.folder / "interactions" / split).to_pandas()
        for split in ("train", "eval", "test")
    }
    return items, summary, splits, pq.read_table(histories).to_pandas()


def _rejects(settings):
    return pq.read_table(settings.quarantine_dir).to_pandas()


@pytest.mark.parametrize("num_shards", [1, 3])
def test_nothing_is_lost_whatever_the_shards(tmp_path, num_shards):
    log = _log()
    settings = small_settings(tmp_path, small_source(tmp_path, log), num_shards=num_shards)
    items, summary, splits, histories = _prepared(tmp_path, settings)
    every = pd.concat(splits.values())
    columns = ["user_id", "item_id", "timestamp"]
    got = every[columns].sort_values(columns, ignore_index=True)
    pd.testing.assert_frame_equal(got, log[columns].sort_values(columns, ignore_index=True))
    assert {name: len(split) for name, split in splits.items()} == {"train": 32, "eval": 4, "test": 4}
    assert summary["splits"]["test"] == {"interactions": 4, "users": 4, "items": 4}
    assert (summary["users"], items.num_rows) == (4, 6)  # `a`, and five without a row of their own
    for row in every.itertuples():
        earlier = log[(log.user_id == row.user_id) & (log.timestamp < row.timestamp)]
        assert list(row.history_item_ids) == earlier.item_id.tolist()
        assert list(row.history_timestamps) == earlier.timestamp.tolist()
        assert list(row.history_event_types) == earlier.kind.tolist()
    assert set(histories.user_id) == set(log.user_id)
    assert not settings.spill_dir.exists()


def test_a_user_stands_in_one_shard_on_every_machine():
    users = pa.chunked_array([["u1", "ü", "u2"], ["u1"]])
    shards = shard_of(users, 7)
    assert shards[0] == shards[3]
    assert shards.tolist() == [6, 3, 3, 6]  # fixed for good: another value parts people over two shards


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"timestamp": 5}, "impossible_time"),
        ({"timestamp": FIRST * 1000}, "impossible_time"),
        ({"timestamp": 4_000_000_000}, "impossible_time"),
        ({"user_id": None}, "missing_key"),
        ({"item_id": ""}, "missing_key"),
        ({"kind": None}, "missing_key"),
        ({"amount": None}, "missing_key"),
        ({"amount": float("inf")}, "unparsable_value"),
        ({"amount": -1.0}, "impossible_value"),
        ({"amount": 1e6}, "impossible_value"),
        ({"user_id": "u\nv"}, "bad_id"),
        ({"item_id": "x" * 1000}, "bad_id"),
    ],
)
def test_a_row_rule(tmp_path, change, rule):
    log = _log()
    for name, value in change.items():
        log.loc[7, name] = value
    cleaning = {"min_value": 0, "max_value": 1000}
    settings = small_settings(tmp_path, small_source(tmp_path, log), cleaning)
    _, summary, splits, _ = _prepared(tmp_path, settings)
    assert summary["cleaning"]["interactions"] == {"read": 40, "kept": 39, "rules": {rule: 1}}
    assert sum(map(len, splits.values())) == 39
    (reject,) = _rejects(settings).itertuples()
    assert (reject.rule, reject.file, reject.row, reject.table) == (rule, "log.parquet", 8, "interactions")


def test_ids_that_differ_in_case_or_white_space_are_different_people(tmp_path):
    log = _log()
    log["user_id"] = np.array(["ann", "Ann", " ann", "张伟🙂"])[np.arange(40) % 4]
    settings = small_settings(tmp_path, small_source(tmp_path, log))
    _, summary, _, histories = _prepared(tmp_path, settings)
    assert summary["users"] == 4
    assert set(histories.user_id) == {"ann", "Ann", " ann", "张伟🙂"}


def test_pseudonyms_from_the_door_on(tmp_path):
    log = _log()
    log.loc[3, "timestamp"] = 5
    settings = small_settings(tmp_path, small_source(tmp_path, log), key=KEY, num_shards=2)
    _, _, splits, histories = _prepared(tmp_path, settings)
    expected = {KEY.pseudonym(user) for user in log.user_id}
    assert set(histories.user_id) == expected
    assert set(pd.concat(splits.values()).user_id) == expected
    assert _rejects(settings).user_id.tolist() == [KEY.pseudonym("person-3")]
    files = [path for path in settings.folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"person-" in path.read_bytes()]


def test_retention_counts_and_keeps_nothing(tmp_path):
    adapter = small_source(tmp_path, _log())
    settings = small_settings(tmp_path, adapter)
    day = date.fromtimestamp(FIRST + 90_000)
    settings = small_settings(
        tmp_path, adapter, limits=time_limits(settings.cleaning, 1, day, date(2026, 1, 1))
    )
    assert settings.limits.kept_from % 86400 == 0
    log = _log()
    log["timestamp"] += settings.limits.kept_from - FIRST - 1000
    settings = small_settings(tmp_path, small_source(tmp_path, log), limits=settings.limits)
    _, summary, _, _ = _prepared(tmp_path, settings)
    assert summary["cleaning"]["interactions"]["rules"] == {"retention": 10}
    assert not settings.quarantine_dir.exists()


def test_rare_items_then_rare_users(tmp_path):
    log = _log()
    log.loc[5, "item_id"] = "seen by one"
    log.loc[len(log)] = ["newcomer", "i1", FIRST + 50, 1.0, "view"]
    cleaning = {"min_item_users": 2, "min_user_events": 2}
    settings = small_settings(tmp_path, small_source(tmp_path, log), cleaning, num_shards=3)
    items, summary, _, histories = _prepared(tmp_path, settings)
    assert summary["cleaning"]["interactions"]["rules"] == {"rare_item": 1, "rare_user": 1}
    assert "newcomer" not in set(histories.user_id)
    assert "seen by one" not in items["item_id"].to_pylist()


def test_item_ids_of_too_few_people_are_folded(tmp_path):
    log = _log()
    log.loc[5, "item_id"] = "seen by one"
    settings = small_settings(tmp_path, small_source(tmp_path, log), min_users=2, num_shards=3)
    items, summary, splits, histories = _prepared(tmp_path, settings)
    assert summary["cleaning"]["interactions"]["rules"] == {}
    every = pd.concat(splits.values())
    assert (every.item_id == RARE_ITEM_ID).sum() == 1
    assert RARE_ITEM_ID in {item for history in histories.history_item_ids for item in history}
    assert not {"seen by one", RARE_ITEM_ID} & set(items["item_id"].to_pylist())


def test_exposures_and_what_came_before_the_log(tmp_path):
    log = _log()
    log["kind"] = np.where(np.arange(40) < 4, "read", np.where(np.arange(40) % 5 == 0, "skip", "click"))
    adapter = small_source(tmp_path, log, exposure_types=["skip"], prior_types=["read"])
    settings = small_settings(tmp_path, adapter)
    _, _, splits, histories = _prepared(tmp_path, settings)
    every = pd.concat(splits.values())
    assert len(every) == 36
    assert set(every.event_type) == {"skip", "click"}
    assert {kind for kinds in histories.history_event_types for kind in kinds} == {"read", "click"}
    first = every.sort_values("timestamp").iloc[0]
    assert list(first.history_event_types) == ["read"]


def test_reports_add_up(tmp_path):
    settings = small_settings(tmp_path, small_source(tmp_path, _log()), num_shards=2)
    files = {}
    for shard, file in ingest_part(0, settings):
        files.setdefault(shard, []).append(file)
    report = json.loads((settings.spill_dir / "part-00000.json").read_text())
    assert report == {"read": 40, "rules": {}}
    shards = [read_report(clean_shard(shard, names, settings)) for shard, names in files.items()]
    assert sum(shard.rows for shard in shards) == 40
    assert sum(shard.times.total for shard in shards) == 40
    users = pa.concat_tables([shard.items for shard in shards]).to_pandas().groupby("item_id").users.sum()
    assert users.to_dict() == _log().groupby("item_id").user_id.nunique().to_dict()
    clean = read_arrow(settings.spill_dir / "shard-00000.clean.arrow")
    assert clean["timestamp"].to_pylist() == sorted(clean["timestamp"].to_pylist())
