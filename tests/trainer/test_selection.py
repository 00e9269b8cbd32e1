"""Which examples of a split are read."""

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.tfrecords import SmallTransformOutput, write_examples
from trainer import selection as module
from trainer.input_fn import interactions_dataset
from trainer.selection import engaged_only, evenly_spaced

ENGAGED = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
PLACES = [place for place, engaged in enumerate(ENGAGED) if engaged]
OUTPUT = SmallTransformOutput(
    {
        "item_id": tf.io.FixedLenFeature([], tf.string),
        "history_item_ids": tf.io.FixedLenFeature([1], tf.string),
        "place": tf.io.FixedLenFeature([], tf.int64),
        "engaged": tf.io.FixedLenFeature([], tf.float32),
    }
)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 4)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    rows = [
        {"item_id": "a", "history_item_ids": [""], "place": place, "engaged": engaged}
        for place, engaged in enumerate(ENGAGED)
    ]
    return [write_examples(tmp_path_factory.mktemp("examples") / "part.gz", rows)]


def _batches(files, lookup, select, seed=None):
    dataset = interactions_dataset(files, OUTPUT, lookup, 3, seed, select)
    return [batch["place"].tolist() for batch in dataset.as_numpy_iterator()]


def test_only_what_was_engaged_with_in_full_batches(files, lookup):
    assert _batches(files, lookup, engaged_only) == [PLACES[:3], PLACES[3:6], PLACES[6:]]
    shuffled = _batches(files, lookup, engaged_only, seed=1)
    assert [len(batch) for batch in shuffled] == [3, 3]
    assert {place for batch in shuffled for place in batch} <= set(PLACES)


def test_selections_follow_each_other(files, lookup):
    (batch,) = _batches(files, lookup, lambda examples: evenly_spaced(engaged_only(examples), 3))
    assert batch == [PLACES[2], PLACES[4], PLACES[6]]


def _numbers(total, count):
    chosen = evenly_spaced(tf.data.Dataset.range(total), count)
    return [int(number) for number in chosen.as_numpy_iterator()]


@pytest.mark.parametrize(("total", "count"), [(100, 7), (100, 99), (13, 1), (8, 4), (9, 8)])
def test_as_many_as_wanted_from_all_places(total, count):
    numbers = _numbers(total, count)
    assert len(numbers) == count
    assert numbers == sorted(set(numbers))
    assert set(np.diff([-1, *numbers])) <= {total // count, -(-total // count)}
    assert _numbers(total, count) == numbers


@pytest.mark.parametrize("total", [0, 1, 5])
def test_all_if_there_are_no_more(total):
    assert _numbers(total, 5) == list(range(total))
