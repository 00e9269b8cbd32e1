"""Batches of interactions from gzipped TFRecords."""

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.tfrecords import SmallTransformOutput, write_examples
from trainer.input_fn import Kept, interactions_dataset

OUTPUT = SmallTransformOutput(
    {
        "item_id": tf.io.FixedLenFeature([], tf.string),
        "history_item_ids": tf.io.FixedLenFeature([2], tf.string),
        "place": tf.io.FixedLenFeature([], tf.int64),
        "age": tf.io.FixedLenFeature([], tf.float32),
    }
)
NUM_EXAMPLES, BATCH = 11, 4
ITEMS, ROWS = ["a", "b", "007", "电影", "not there"], [0, 1, 2, 3, 4]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two files of examples, numbered through by `place`."""
    folder = tmp_path_factory.mktemp("examples")
    rows = [
        {"item_id": ITEMS[i % 5], "history_item_ids": [ITEMS[(i + 1) % 5], ""], "place": i, "age": i / 2}
        for i in range(NUM_EXAMPLES)
    ]
    parts = {"b-00000.gz": rows[:6], "a-00001.gz": rows[6:]}
    return [write_examples(folder / name, part) for name, part in parts.items()]


def _dataset(files, lookup, **arguments):
    return interactions_dataset(files, OUTPUT, lookup, BATCH, **arguments)


def _places(dataset):
    """The order of the examples in one pass."""
    return [place for batch in dataset.as_numpy_iterator() for place in batch["place"].tolist()]


class TestInOrder:
    def test_every_example_in_the_order_of_the_files_as_given(self, files, lookup):
        """Whatever their names: those of an earlier split may come first."""
        dataset = _dataset(files, lookup)
        assert _places(dataset) == _places(dataset) == list(range(NUM_EXAMPLES))
        assert _places(_dataset(files[::-1], lookup)) == [*range(6, NUM_EXAMPLES), *range(6)]

    def test_no_thread_that_tunes_is_waited_for(self, files, lookup):
        assert not _dataset(files, lookup).options().autotune.enabled
        assert not _dataset(files, lookup, shuffle_seed=1).options().autotune.enabled

    def test_the_last_batch_may_be_smaller(self, files, lookup):
        assert [len(batch["place"]) for batch in _dataset(files, lookup)] == [4, 4, 3]

    def test_ids_become_rows_and_the_rest_stays(self, files, lookup):
        batch = next(_dataset(files, lookup).skip(1).as_numpy_iterator())
        assert batch["item_id"].tolist() == [ROWS[i % 5] for i in range(4, 8)]
        assert batch["history_item_ids"].tolist() == [[ROWS[(i + 1) % 5], -1] for i in range(4, 8)]
        np.testing.assert_array_equal(batch["age"], np.arange(4, 8, dtype=np.float32) / 2)

    def test_shapes_and_types_are_known_to_graphs(self, files, lookup):
        spec = _dataset(files, lookup).element_spec
        assert set(spec) == set(OUTPUT.spec)
        assert spec["history_item_ids"] == tf.TensorSpec([None, 2], tf.int32)
        assert spec["item_id"] == tf.TensorSpec([None], tf.int32)
        assert spec["age"] == tf.TensorSpec([None], tf.float32)

    def test_a_lookup_that_promises_no_shape_will_do(self, files, lookup):
        """As that of a loaded SavedModel."""
        loaded = tf.function(lookup, input_signature=[tf.TensorSpec(None, tf.string)], autograph=False)
        assert _dataset(files, loaded).element_spec == _dataset(files, lookup).element_spec


class TestKept:
    """Some examples by their numbers."""

    MASK = np.array([1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1], bool)
    PLACES = np.flatnonzero(MASK).tolist()

    def _kept(self, files, mask=MASK):
        return Kept(mask, {files[0]: 6, files[1]: NUM_EXAMPLES - 6})

    def test_in_order(self, files, lookup):
        dataset = _dataset(files, lookup, kept=self._kept(files))
        assert _places(dataset) == _places(dataset) == self.PLACES

    def test_numbers_go_by_the_order_of_the_files(self, files, lookup):
        """The mask's first examples are those of the file that is given first."""
        mask = np.roll(self.MASK, NUM_EXAMPLES - 6)
        dataset = _dataset(files[::-1], lookup, kept=self._kept(files, mask))
        assert sorted(_places(dataset)) == self.PLACES
        assert self._kept(files).first(files[::-1]).tolist() == [0, NUM_EXAMPLES - 6]

    def test_shuffled_it_is_the_same_examples(self, files, lookup):
        dataset = _dataset(files, lookup, kept=self._kept(files), shuffle_seed=1)
        passes = [_places(dataset) for _ in range(8)]
        assert all(len(set(places)) == BATCH and set(places) <= set(self.PLACES) for places in passes)
        assert {place for places in passes for place in places} == set(self.PLACES)

    def test_none_and_all(self, files, lookup):
        nothing, everything = np.zeros(NUM_EXAMPLES, bool), np.ones(NUM_EXAMPLES, bool)
        assert _places(_dataset(files, lookup, kept=self._kept(files, nothing))) == []
        assert _places(_dataset(files, lookup, kept=self._kept(files, everything))) == list(range(11))

    def test_files_of_many_chunks(self, lookup, tmp_path):
        """Files longer than what is read at once, an empty one among them."""
        row = {"item_id": "a", "history_item_ids": ["", ""], "age": 0.0}
        sizes = [1500, 0, 1100]
        starts = np.append(0, np.cumsum(sizes))
        files = [
            write_examples(
                tmp_path / f"{start}-{size}.gz", [{**row, "place": start + i} for i in range(size)]
            )
            for start, size in zip(starts, sizes, strict=False)
        ]
        mask = np.random.default_rng(0).random(sum(sizes)) < 0.3
        kept = Kept(mask, dict(zip(files, sizes, strict=True)))
        expected = np.flatnonzero(mask).tolist()
        assert _places(_dataset(files, lookup, kept=kept)) == expected
        mixed = _places(_dataset(files, lookup, kept=kept, shuffle_seed=1))
        assert len(mixed) == len(set(mixed)) == len(expected) // BATCH * BATCH
        assert set(mixed) <= set(expected)


class TestShuffled:
    def test_the_order_follows_the_seed(self, files, lookup):
        first, again, other = (_dataset(files, lookup, shuffle_seed=seed) for seed in (1, 1, 2))
        passes = [_places(first), _places(first)]
        assert [_places(again), _places(again)] == passes
        assert _places(other) != passes[0]

    def test_each_pass_is_shuffled_anew(self, files, lookup):
        dataset = _dataset(files, lookup, shuffle_seed=1)
        passes = [_places(dataset) for _ in range(3)]
        assert passes[0] != passes[1] != passes[2]
        assert sorted(passes[0]) != passes[0]

    def test_files_are_mixed(self, files, lookup):
        """Not only the examples of one file among each other."""
        batches = list(_dataset(files, lookup, shuffle_seed=1).as_numpy_iterator())
        assert any(batch["place"].min() < 6 <= batch["place"].max() for batch in batches)

    def test_the_last_smaller_batch_is_dropped(self, files, lookup):
        dataset = _dataset(files, lookup, shuffle_seed=1)
        assert [len(batch["place"]) for batch in dataset] == [4, 4]
        assert dataset.element_spec["item_id"] == tf.TensorSpec([BATCH], tf.int32)

    def test_no_example_comes_twice_in_a_pass(self, files, lookup):
        places = _places(_dataset(files, lookup, shuffle_seed=3))
        assert len(set(places)) == len(places) == 8

    def test_blocks_stay_together(self, lookup, tmp_path):
        row = {"item_id": "a", "history_item_ids": ["", ""], "age": 0.0}
        file = write_examples(tmp_path / "one.gz", [{**row, "place": i} for i in range(48)])
        dataset = _dataset([file], lookup, shuffle_seed=1, block=4)
        passes = [np.array(_places(dataset)) for _ in range(2)]
        for places in passes:
            assert sorted(places) == list(range(48))
            assert (np.diff(places.reshape(-1, 4), axis=1) == 1).all()
        assert (passes[0] != passes[1]).any()
        assert (passes[0] != np.arange(48)).any()

    def test_many_files_are_mixed_too_and_the_order_follows_the_seed(self, lookup, tmp_path):
        """More files than are open at a time."""
        row = {"item_id": "a", "history_item_ids": ["", ""], "age": 0.0}
        files = [
            write_examples(tmp_path / f"{file:05d}.gz", [{**row, "place": 10 * file + i} for i in range(10)])
            for file in range(40)
        ]
        first, again = (_dataset(files, lookup, shuffle_seed=1) for _ in range(2))
        passes = [_places(first), _places(first)]
        assert [_places(again), _places(again)] == passes
        assert passes[0] != passes[1]
        assert sorted(passes[0]) == sorted(passes[1]) == list(range(400))
