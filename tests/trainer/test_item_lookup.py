"""From item ids to corpus rows."""

import numpy as np
import pytest
import tensorflow as tf

from trainer.item_lookup import PADDING, ItemLookup

KNOWN = ["a", "b", "007", "电影"]
UNKNOWN_ROW = len(KNOWN)


def test_known_items_have_the_row_of_their_line(lookup):
    assert lookup(tf.constant(KNOWN)).numpy().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("item", ["c", "A", "7", " a", "a ", "-1", "0", "电"])
def test_any_other_id_has_the_row_after_the_last(lookup, item):
    assert lookup(tf.constant([item])).numpy().tolist() == [UNKNOWN_ROW]


def test_an_empty_id_is_padding(lookup):
    assert lookup(tf.constant([["a", ""], ["", "c"]])).numpy().tolist() == [[0, PADDING], [PADDING, 4]]
    assert PADDING == -1


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 2), (2, 0), (2, 1, 2)])
def test_any_shape(lookup, shape):
    ids = np.full(shape, "b", dtype=object)
    rows = lookup(tf.constant(ids, tf.string))
    assert rows.dtype == tf.int32
    np.testing.assert_array_equal(rows, np.ones(shape))


def test_ids_with_spaces_and_tabs(tmp_path):
    """A whole line is an id."""
    path = tmp_path / "item_id"
    path.write_text("a b\nc\td\n", encoding="utf-8")
    assert ItemLookup(str(path), 2)(tf.constant(["a b", "c\td", "a", "c"])).numpy().tolist() == [0, 1, 2, 2]
