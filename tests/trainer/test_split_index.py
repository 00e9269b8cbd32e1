"""What is read of some splits before training, against a table."""

import numpy as np
import pytest

from tests.trainer.tfrecords import write_examples
from trainer.split_index import SplitIndex

# User, item and whether it was engaged with; "new" is no item of the corpus.
ROWS = [(0, "a", 1), (2, "b", 0), (0, "b", 1), (1, "new", 1), (2, "b", 1), (2, "电影", 1), (1, "a", 0)]
CORPUS_ROWS = {"a": 0, "b": 1, "007": 2, "电影": 3, "new": 4}
PARTS = {"z-first.gz": ROWS[:4], "empty.gz": [], "a-last.gz": ROWS[4:]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("splits")
    return [
        write_examples(
            folder / name,
            [{"user_id": user, "item_id": item, "engaged": float(engaged)} for user, item, engaged in rows],
        )
        for name, rows in PARTS.items()
    ]


def test_rows_in_the_order_of_the_files(files, lookup):
    index = SplitIndex.read(files, lookup)
    assert index.users.tolist() == [user for user, _, _ in ROWS]
    assert index.rows.tolist() == [CORPUS_ROWS[item] for _, item, _ in ROWS]
    assert index.engaged.tolist() == [bool(engaged) for _, _, engaged in ROWS]
    assert list(index.counts) == files
    assert list(index.counts.values()) == [4, 0, 3]


def test_counts_of_items_leave_out_what_was_only_shown_or_is_not_in_the_corpus(files, lookup):
    counts = SplitIndex.read(files, lookup).item_counts(4)
    assert counts.tolist() == [1, 2, 0, 1]
    assert counts.dtype == np.int64


def test_no_files(lookup):
    index = SplitIndex.read([], lookup)
    assert (index.users.dtype, index.rows.dtype, index.engaged.dtype) == (np.int64, np.int32, bool)
    assert len(index.users) == len(index.rows) == len(index.engaged) == 0
    assert index.item_counts(2).tolist() == [0, 0]


def test_files_of_many_chunks(lookup, tmp_path):
    users = np.random.default_rng(0).integers(0, 9, 5000)
    file = write_examples(
        tmp_path / "long.gz", [{"user_id": user, "item_id": "a", "engaged": 1.0} for user in users]
    )
    index = SplitIndex.read([file], lookup)
    np.testing.assert_array_equal(index.users, users)
    assert index.counts == {file: 5000}
    assert index.item_counts(1).tolist() == [5000]
