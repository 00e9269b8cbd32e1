"""The items stream in memory."""

import numpy as np
import pytest
import tensorflow as tf

from schemas.features import TableLayout, declare_features
from tests.trainer.tfrecords import SmallTransformOutput, write_examples
from trainer import corpus as module
from trainer.corpus import load_corpus

FEATURES = declare_features(
    TableLayout(item_categories=("genre",), item_numbers=("minutes",), item_vectors=(("sound", 3),)),
    (("genre", "minutes"),),
)
NUM_BUCKETS = 3
OUTPUT = SmallTransformOutput(
    {
        "item_id": tf.io.FixedLenFeature([], tf.int64),
        "title": tf.io.FixedLenFeature([], tf.string),
        "text": tf.io.FixedLenFeature([], tf.string),
        "genre": tf.io.FixedLenFeature([2], tf.int64),
        "minutes": tf.io.FixedLenFeature([], tf.float32),
        "minutes_bucket": tf.io.FixedLenFeature([], tf.int64),
        "genre_x_minutes": tf.io.FixedLenFeature([2], tf.int64),
        "sound": tf.io.FixedLenFeature([3], tf.float32),
    },
    {"item_id": [b"i0", b"i1", "电影".encode()]},
)


def _row(item):
    return {
        "item_id": item,
        "title": f"title {item}",
        "text": f"text {item}",
        "genre": [item, -1],
        "minutes": item / 2,
        "minutes_bucket": item % NUM_BUCKETS,
        "genre_x_minutes": [item + 1, -1],
        "sound": [item / 4, 1.0, -1.0],
    }


def _load(tmp_path, *files):
    """The corpus of files, each given by the item indices in it."""
    paths = [
        write_examples(tmp_path / f"{i}.gz", [_row(item) for item in items]) for i, items in enumerate(files)
    ]
    return load_corpus(paths, OUTPUT, FEATURES, NUM_BUCKETS)


def test_rows_are_in_the_order_of_the_vocabulary(tmp_path):
    corpus = _load(tmp_path, [2], [0, 1])
    assert corpus.num_items == 3
    assert corpus.item_ids.tolist() == [b"i0", b"i1", "电影".encode()]
    assert corpus.titles.tolist() == [b"title 0", b"title 1", b"title 2"]
    assert corpus.texts.tolist() == [b"text 0", b"text 1", b"text 2"]
    assert corpus.features["genre"][:3].tolist() == [[0, -1], [1, -1], [2, -1]]
    assert corpus.features["minutes"][:3].tolist() == [0.0, 0.5, 1.0]
    assert corpus.features["minutes_bucket"][:3].tolist() == [0, 1, 2]


def test_the_last_row_is_an_item_without_attributes(tmp_path):
    features = _load(tmp_path, [0, 1, 2]).features
    assert set(features) == {"genre", "minutes", "minutes_bucket", "genre_x_minutes", "sound"}
    assert {len(values) for values in features.values()} == {4}
    assert features["genre"][3].tolist() == [-1, -1]
    assert features["minutes"][3] == 0
    assert features["minutes_bucket"][3] == NUM_BUCKETS
    assert features["genre_x_minutes"][3].tolist() == [-1, -1]
    assert features["sound"][3].tolist() == [0, 0, 0]


def test_types_are_those_of_the_examples(tmp_path):
    features = _load(tmp_path, [0, 1, 2]).features
    types = {name: values.dtype for name, values in features.items()}
    integers, floats = ("genre", "minutes_bucket", "genre_x_minutes"), ("minutes", "sound")
    assert types == dict.fromkeys(integers, np.int64) | dict.fromkeys(floats, np.float32)


def test_reading_in_parts_changes_nothing(tmp_path, monkeypatch):
    whole = _load(tmp_path, [2, 0, 1])
    monkeypatch.setattr(module, "_READ_BATCH", 2)
    parts = _load(tmp_path, [2, 0, 1])
    assert parts.texts.tolist() == whole.texts.tolist()
    assert all(np.array_equal(parts.features[name], whole.features[name]) for name in whole.features)


@pytest.mark.parametrize("items", [[0, 1], [0, 1, 2, 2], [0, 1, 1], [0, 1, 3]])
def test_items_that_do_not_match_the_vocabulary_are_refused(tmp_path, items):
    with pytest.raises(ValueError, match=rf"has {len(items)} rows that do not match its 3 item ids"):
        _load(tmp_path, items)
