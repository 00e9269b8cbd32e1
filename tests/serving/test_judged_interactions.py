"""The test split as requests: what was seen, what is judged, what the requests hold."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from pipeline.components.parquet_example_gen import encode_examples
from pipeline.config.ranking import TaskConfig
from pipeline.config.training import IndexConfig
from pipeline.history import with_history
from pipeline.splits import EVAL, SPLITS, TEST, TRAIN
from schemas.features import TableLayout
from schemas.tables import interactions_schema
from serving import judged_interactions as module
from serving.bundle_settings import BundleSettings
from serving.interactions import read_interactions
from serving.judged_interactions import JudgedInteractions

LAYOUT = TableLayout(has_event_type=True, has_dwell=True, exposure_types=("shown",), prior_types=("before",))
SETTINGS = BundleSettings(
    name="small",
    layout=LAYOUT,
    crosses=(),
    tasks=(TaskConfig(name="click", kind="event", event_type="click"),),
    index=IndexConfig(),
)
LENGTH, NUM_ITEMS, NUM_EVENTS = 3, 9, 120
ITEM_IDS = np.array([b"i%d" % i for i in range(NUM_ITEMS - 1)] + ["电影".encode()], dtype=object)
BOUNDARIES = {TRAIN: (0, 60), EVAL: (60, 75), TEST: (75, 1000)}


def _log():
    """Events of a few users, each at a moment of its own; some come from before the log."""
    rng = np.random.default_rng(0)
    types = rng.choice(["click", "like", "shown"], NUM_EVENTS).astype(object)
    types[:10] = "before"
    dwell = np.where(rng.random(NUM_EVENTS) < 0.3, np.nan, rng.integers(1, 99, NUM_EVENTS))
    columns = {
        "user_id": [f"u{i}" for i in rng.integers(0, 4, NUM_EVENTS)],
        "item_id": [ITEM_IDS[i].decode() for i in rng.integers(0, NUM_ITEMS, NUM_EVENTS)],
        "timestamp": np.arange(NUM_EVENTS),
        "value": rng.integers(1, 6, NUM_EVENTS).astype(np.float32),
        "event_type": types,
        "dwell_seconds": pa.array(dwell, pa.float32(), from_pandas=True),
    }
    return pa.table({name: columns[name] for name in interactions_schema(LAYOUT).names}).cast(
        interactions_schema(LAYOUT)
    )


@pytest.fixture(scope="module")
def log():
    return _log()


@pytest.fixture(scope="module")
def examples(log, tmp_path_factory):
    """The folder of the raw examples."""
    folder = tmp_path_factory.mktemp("examples")
    table = with_history(log, LAYOUT, LENGTH)
    times = table["timestamp"].to_numpy()
    for split, (start, stop) in BOUNDARIES.items():
        (folder / f"Split-{split}").mkdir()
        path = str(folder / f"Split-{split}" / "part.gz")
        with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions("GZIP")) as writer:
            for example in encode_examples(table.filter(pa.array((times >= start) & (times < stop)))):
                writer.write(example)
    return str(folder)


@pytest.fixture(scope="module")
def data(examples):
    return JudgedInteractions(examples, SETTINGS, ITEM_IDS)


def test_an_interaction_with_a_folded_item_is_not_judged(examples, data):
    fewer = JudgedInteractions(examples, SETTINGS, ITEM_IDS[:-1])
    folded = ITEM_IDS[-1].decode()
    kept = [row for row in data.table.to_pylist() if row["item_id"] != folded]
    assert 0 < len(kept) < len(data)
    assert fewer.table.to_pylist() == kept
    assert (fewer.targets >= 0).all()
    # It was done all the same, and stands in what others are judged by.
    everything = np.arange(len(fewer))
    histories = [id for ids in fewer.table["history_item_ids"].to_pylist() for id in ids]
    assert folded in histories
    assert fewer.seen(everything).shape == (len(fewer), NUM_ITEMS - 1)


def test_of_many_a_sample_is_judged(examples, data):
    few = JudgedInteractions(examples, SETTINGS, ITEM_IDS, seed=1, max_judged=7)
    assert len(few) == 7
    assert few.table["timestamp"].to_pylist() == sorted(few.table["timestamp"].to_pylist())
    again = JudgedInteractions(examples, SETTINGS, ITEM_IDS, seed=1, max_judged=7)
    assert again.table.equals(few.table)
    rows = {row["timestamp"]: place for place, row in enumerate(data.table.to_pylist())}
    places = [rows[time] for time in few.table["timestamp"].to_pylist()]
    np.testing.assert_array_equal(few.seen(np.arange(7)).toarray(), data.seen(np.array(places)).toarray())


def _engaged_before(log, row):
    """Everything that a test interaction's user engaged with before: items, the oldest first."""
    return [
        event["item_id"]
        for event in log.to_pylist()
        if event["user_id"] == row["user_id"]
        and event["timestamp"] < row["timestamp"]
        and event["event_type"] not in LAYOUT.exposure_types
    ]


class TestReading:
    def test_what_was_written_comes_back(self, examples, log):
        expected = with_history(log, LAYOUT, LENGTH)
        read = pa.concat_tables(
            [read_interactions(examples, SETTINGS.feature_set, split) for split in SPLITS]
        )
        assert read.sort_by("timestamp").select(expected.column_names).to_pylist() == expected.to_pylist()
        assert read.schema.field("history_event_types").type == pa.list_(pa.string())

    def test_only_what_is_wanted(self, examples):
        table = read_interactions(examples, SETTINGS.feature_set, EVAL, ("timestamp", "dwell_seconds"))
        assert table.column_names == ["timestamp", "dwell_seconds"]
        assert table["dwell_seconds"].null_count > 0


def test_every_test_interaction_and_whether_it_is_engaged(data, log):
    expected = [row for row in log.to_pylist() if row["timestamp"] >= 75]
    assert len(data) == len(expected)
    assert data.is_engaged.tolist() == [row["event_type"] != "shown" for row in expected]
    assert [ITEM_IDS[row].decode() for row in data.targets] == [row["item_id"] for row in expected]
    assert 0 < data.is_engaged.sum() < len(data)


def test_seen_is_all_that_was_engaged_with_before(data, log):
    """More than the three events that an example holds, and no exposure."""
    block = np.arange(1, len(data), 3)
    seen = data.seen(block)
    assert seen.shape == (len(block), NUM_ITEMS)
    for row, found in zip(data.table.take(pa.array(block)).to_pylist(), seen.toarray(), strict=True):
        # Events from before the log are known as far as the example holds them.
        in_log = _engaged_before(log.slice(10), row)
        expected = {*in_log, *row["history_item_ids"]}
        assert {ITEM_IDS[i].decode() for i in np.flatnonzero(found)} == expected
        assert expected <= {*_engaged_before(log, row)}


def test_earlier_events_are_counted_one_by_one(data, log):
    block = np.arange(1, len(data), 3)
    for row, number in zip(
        data.table.take(pa.array(block)).to_pylist(), data.num_earlier(block), strict=True
    ):
        in_log = _engaged_before(log.slice(10), row)
        # What is older than the log is known as far as the example holds it.
        assert number == (len(in_log) if len(in_log) > LENGTH else len(row["history_item_ids"]))


def test_an_item_begins_with_its_first_engagement(examples, data, log):
    first = {}
    for row in log.slice(10).to_pylist():
        if row["event_type"] != "shown":
            first.setdefault(row["item_id"], row["timestamp"])
    assert data.first_times.tolist() == [first[item.decode()] for item in ITEM_IDS]
    more = JudgedInteractions(examples, SETTINGS, np.append(ITEM_IDS, b"nobody's"))
    assert more.first_times[-1] == np.iinfo(np.int64).max


def test_new_is_what_was_not_seen(data):
    seen = data.seen(np.arange(len(data))).toarray()
    assert data.is_new.tolist() == (~seen[np.arange(len(data)), data.targets]).tolist()
    assert 0 < data.is_new.sum() < len(data)


def test_requests_hold_the_whole_history_and_end_with_the_same_event(data, log):
    spec = {
        "history_item_ids": tf.io.RaggedFeature(tf.string),
        "history_timestamps": tf.io.RaggedFeature(tf.int64),
        "history_event_types": tf.io.RaggedFeature(tf.string),
        "event_type": tf.io.FixedLenFeature([], tf.string),
    }
    block = np.arange(len(data))
    parsed = tf.io.parse_example(data.requests(block), spec)
    for i, row in enumerate(data.table.to_pylist()):
        whole = [item.decode() for item in parsed["history_item_ids"][i].numpy()]
        assert whole[len(whole) - len(row["history_item_ids"]) :] == row["history_item_ids"]
        in_log = _engaged_before(log.slice(10), row)
        assert whole == (in_log if len(in_log) > LENGTH else row["history_item_ids"])
        assert parsed["history_timestamps"][i].numpy().tolist() == row["history_timestamps"]
        assert parsed["event_type"][i].numpy().decode() == row["event_type"]


def test_the_baselines_learn_from_what_was_engaged_with(data, log):
    rows = [row for row in log.to_pylist()[10:60] if row["event_type"] != "shown"]
    assert data.train.num_rows == len(rows)
    popularity = np.asarray(data.train_matrix.astype(int).sum(axis=0)).ravel()
    pairs = {(row["user_id"], row["item_id"]) for row in rows}
    assert popularity.tolist() == [sum(item == id_.decode() for _, item in pairs) for id_ in ITEM_IDS]


def test_blocks_bound_the_scores(data, monkeypatch):
    queries = np.arange(20)
    monkeypatch.setattr(module, "_MAX_SCORES", 7 * NUM_ITEMS + 1)
    blocks = list(data.blocks(queries))
    assert [len(block) for block in blocks] == [7, 7, 6]
    assert np.concatenate(blocks).tolist() == queries.tolist()
    monkeypatch.setattr(module, "_MAX_SCORES", 1)
    assert len(next(data.blocks(queries))) == 1
