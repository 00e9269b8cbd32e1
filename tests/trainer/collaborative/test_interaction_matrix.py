"""Who engaged with what, read from transformed examples."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.errors import InputError
from tests.trainer.tfrecords import SmallTransformOutput, write_examples
from trainer.collaborative.interaction_matrix import interaction_matrix, load_interaction_matrix

OUTPUT = SmallTransformOutput(
    {
        "user_id": tf.io.FixedLenFeature([], tf.int64),
        "item_id": tf.io.FixedLenFeature([], tf.string),
        "engaged": tf.io.FixedLenFeature([], tf.float32),
        "label_rating": tf.io.FixedLenFeature([], tf.float32),
        "history_item_ids": tf.io.FixedLenFeature([2], tf.string),  # not in the examples, nor read
    },
    {"user_id": [b"u0", b"u1", b"u2", b"u3"]},
)
UNKNOWN_USER = 4
# The items of the fixture `lookup` are a, b, 007 and 电影, in that order.
TRAIN = [
    (3, "b", 1, 4.0),
    (0, "a", 1, 5.0),
    (3, "b", 1, 1.0),  # again
    (3, "007", 1, 2.0),
    (0, "b", 0, 3.0),  # only shown
    (1, "b", 0, 3.0),  # a user who was shown something, and nothing else
    (0, "not there", 1, 3.0),
    (UNKNOWN_USER, "a", 1, 3.0),
]
EVAL = [(0, "电影", 1, 0.0), (2, "a", 1, 2.0)]


@dataclass(frozen=True)
class SmallStream:
    """What the code under test asks of a `TransformedStream`."""

    folder: Path
    transform_output: SmallTransformOutput = OUTPUT

    def files(self, split):
        return [str(self.folder / f"{split}.gz")]


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    for split, rows in {"train": TRAIN, "eval": EVAL, "test": TRAIN[4:]}.items():
        write_examples(
            folder / f"{split}.gz",
            [
                {"user_id": user, "item_id": item, "engaged": float(engaged), "label_rating": value}
                for user, item, engaged, value in rows
            ],
        )
    return SmallStream(folder)


def test_what_known_users_engaged_with_in_the_corpus(stream, lookup):
    matrix = load_interaction_matrix(stream, lookup, ["train"])
    assert matrix.binary.dtype == np.float32
    assert matrix.binary.toarray().tolist() == [[1, 0, 0, 0], [0, 1, 1, 0]]
    assert (matrix.num_users, matrix.num_items) == (2, 4)
    assert matrix.values is None


def test_values_are_means_of_each_pair(stream, lookup):
    matrix = load_interaction_matrix(stream, lookup, ["train"], "label_rating")
    assert matrix.values.dtype == np.float32
    assert matrix.values.toarray().tolist() == [[5, 0, 0, 0], [0, 2.5, 2, 0]]


def test_several_splits(stream, lookup):
    matrix = load_interaction_matrix(stream, lookup, ["train", "eval"], "label_rating")
    assert matrix.binary.toarray().tolist() == [[1, 0, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0]]
    assert matrix.values.toarray().tolist() == [[5, 0, 0, 0], [2, 0, 0, 0], [0, 2.5, 2, 0]]


def test_nothing_left_is_said(stream, lookup):
    with pytest.raises(
        InputError, match="no known user engaged with an item of the corpus in the splits test"
    ):
        load_interaction_matrix(stream, lookup, ["test"])


def test_values_of_zero_are_part_of_the_pattern():
    matrix = interaction_matrix(np.array([7, 7, 3]), np.array([2, 0, 2]), 3, np.array([0.0, 1.0, -1.0]))
    assert matrix.binary.toarray().tolist() == [[0, 0, 1], [1, 0, 1]]
    np.testing.assert_array_equal(matrix.values.indices, matrix.binary.indices)
    np.testing.assert_array_equal(matrix.values.indptr, matrix.binary.indptr)
    assert matrix.values.data.tolist() == [-1, 1, 0]
