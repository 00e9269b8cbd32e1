"""Whole files gone wrong, from the file to what the pipeline would get: each has one clear outcome."""

import json
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pipeline.canonical import prepare
from pipeline.config.run import RunConfig
from pipeline.errors import AnomalyError, InputError

FIRST = 1_600_000_000


@pytest.fixture
def world(tmp_path):
    """A hundred views of ten people, and the means to prepare them after a change."""
    return World(tmp_path)


class World:
    def __init__(self, folder):
        self.folder = folder
        n = np.arange(100)
        self.log = pd.DataFrame(
            {
                "user_id": [f"u{i}" for i in n % 10],
                "item_id": [f"i{i}" for i in n % 7],
                "timestamp": FIRST + n,
            }
        )
        self.items = pd.DataFrame({"item_id": [f"i{i}" for i in range(7)], "title": ["a title"] * 7})

    def prepare(self, log_bytes=None, suffix="csv", **settings):
        path = self.folder / f"log.{suffix}"
        if log_bytes is not None:
            path.write_bytes(log_bytes)
        elif suffix == "parquet":
            self.log.to_parquet(path, index=False)
        else:
            self.log.to_csv(path, index=False)
        self.items.to_csv(self.folder / "items.csv", index=False)
        config = {
            "name": "bad",
            "output": self.folder / "runs",
            "privacy": {"user_ids": "raw"},
            "data": {
                "source": "csv",
                "interactions": {"path": path, "event_type": "kind" if "kind" in self.log else None},
                "items": {"path": self.folder / "items.csv"},
            },
            "ranking": {"tasks": [{"name": "seen", "kind": "event", "event_type": "view"}]},
        }
        return prepare(RunConfig.model_validate({**config, **settings}))

    def csv(self):
        return self.log.to_csv(index=False).encode()

    def rules(self, data):
        return data.summary["cleaning"]["interactions"]["rules"]

    def rejects(self, data):
        return pq.read_table(data.quarantine_dir).to_pandas()


@pytest.fixture(autouse=True)
def _views(world):
    world.log["kind"] = "view"


def test_a_file_of_byte_junk(world):
    junk = np.random.default_rng(0).integers(128, 256, 100_000).astype(np.uint8).tobytes()
    with pytest.raises(InputError, match=r"log\.csv is not a UTF-8 CSV file"):
        world.prepare(junk)


def test_byte_junk_that_calls_itself_parquet(world):
    with pytest.raises(InputError, match=r"log\.parquet is not a Parquet file"):
        world.prepare(b"\x00\xff" * 1000, suffix="parquet")


def test_junk_between_good_rows(world):
    lines = world.csv().splitlines(keepends=True)
    lines[10] = b"\x00\xfe\xff,\x80,12,\x81\n"
    lines[20] = b"no commas here\n"
    data = world.prepare(b"".join(lines))
    assert world.rules(data) == {"not_utf8": 1, "unparsable_row": 1}
    assert sorted(world.rejects(data).row) == [10, 20]


def test_mixed_encodings(world):
    world.log.loc[3, "user_id"] = "Müller"
    lines = world.csv().splitlines(keepends=True)
    lines[50] = "Müller,i1,1600000049,view\n".encode("latin-1")
    data = world.prepare(b"".join(lines))
    assert world.rules(data) == {"not_utf8": 1}
    histories = pq.read_table(data.histories_path)
    assert "Müller" in histories["user_id"].to_pylist()


def test_a_field_of_50_mb(world):
    world.log.loc[5, "item_id"] = "x" * 50_000_000
    data = world.prepare()
    assert world.rules(data) == {"bad_id": 1}
    (reject,) = world.rejects(data).itertuples()
    assert (reject.row, len(reject.detail) < 200) == (6, True)
    assert sum(path.stat().st_size for path in data.root.rglob("*.*")) < 1_000_000


def test_a_title_of_50_mb_is_cut(world):
    world.items.loc[2, "title"] = "long " * 10_000_000
    data = world.prepare()
    assert data.summary["cleaning"]["items"]["rules"] == {"cut_text": 1}
    titles = pq.read_table(data.root / "items" / "corpus")["title"].to_pylist()
    assert len(titles) == 7
    assert max(map(len, titles)) == 512


def test_a_history_of_a_million_items(world):
    count = 1_000_000
    n = np.arange(count)
    world.log = pd.DataFrame(
        {
            "user_id": np.where(n % 1000 == 0, "somebody", "the one"),
            "item_id": np.char.add("i", (n % 50_000).astype(str)),
            "timestamp": FIRST + n * 30,
            "kind": "view",
        }
    )
    since = time.monotonic()
    data = world.prepare(suffix="parquet")
    assert time.monotonic() - since < 180
    histories = pq.read_table(data.histories_path)
    lengths = histories["history_item_ids"].combine_chunks().value_lengths().to_pylist()
    assert sorted(lengths) == [1000, 999_000]
    train = pq.read_table(data.root / "interactions" / "train", columns=["history_item_ids"])
    assert max(train["history_item_ids"].combine_chunks().value_lengths().to_pylist()) == 50


def test_an_items_file_without_the_interactions_items(world, caplog):
    world.items["item_id"] = [f"other-{i}" for i in range(7)]
    data = world.prepare()
    assert data.summary["items"] == 14
    assert "7 items have interactions but no row among the items" in caplog.text
    corpus = pq.read_table(data.root / "items" / "corpus").to_pandas().set_index("item_id").title
    assert corpus["i3"] == "i3"  # its id stands for its title


def test_a_clock_in_milliseconds(world):
    world.log["timestamp"] *= 1000
    with pytest.raises(AnomalyError, match=r"impossible_time 100.*is the unit of the timestamps right"):
        world.prepare()
    unit = {"path": world.folder / "log.csv", "event_type": "kind", "timestamp_unit": "ms"}
    items = {"path": world.folder / "items.csv"}
    data = world.prepare(data={"source": "csv", "interactions": unit, "items": items})
    assert data.summary["eval_start"].startswith("2020-09-13")


def test_dates_in_the_future(world):
    world.log.loc[:2, "timestamp"] = int(time.time()) + 10 * 86400
    world.log.loc[3, "timestamp"] = int(time.time()) + 3600  # a clock may be off by hours
    data = world.prepare()
    assert world.rules(data) == {"impossible_time": 3}


def test_ids_in_any_script(world):
    world.log["user_id"] = np.array(["张伟", "🙂🙃", "Ω", "nüwa", "عمر"])[np.arange(100) % 5]
    world.log.loc[0, "item_id"] = "茶"
    world.items.loc[0, "item_id"] = "茶"
    data = world.prepare()
    assert set(pq.read_table(data.histories_path)["user_id"].to_pylist()) == set(world.log.user_id)
    assert "茶" in pq.read_table(data.root / "items" / "corpus")["item_id"].to_pylist()


def test_ids_that_differ_in_case_or_white_space_stay_apart_and_are_counted(world):
    world.log["user_id"] = np.array(["ann", "Ann", "ann ", "bob"])[np.arange(100) % 4]
    data = world.prepare()
    assert data.summary["users"] == 4
    assert data.summary["look_alikes"] == {"user_id": 3, "item_id": 0}


def test_an_empty_log(world):
    with pytest.raises(InputError, match="there are no interactions left to learn from"):
        world.prepare(b"user_id,item_id,timestamp,kind\n")


def test_the_same_log_twice_over(world):
    world.log = pd.concat([world.log, world.log])
    with pytest.raises(AnomalyError, match=r"50.0% of the 200 rows.*duplicate 100.*was a file given twice"):
        world.prepare()
    data = world.prepare(cleaning={"max_rejected": 0.6})
    assert data.summary["cleaning"]["interactions"]["kept"] == 100
    assert json.loads((data.root / "summary.json").read_text()) == data.summary
