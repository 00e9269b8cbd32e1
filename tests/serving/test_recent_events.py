"""What is new behind what is known: no event gets another's values."""

import pytest
import tensorflow as tf

from serving.recent_events import later_events, with_recent

ITEMS = tf.constant([["a", "b", "c"], ["d", "", "e"]])


def _lists(items, times, values):
    rows = {"history_item_ids": items, "history_timestamps": times, "history_values": values}
    types = (tf.string, tf.int64, tf.float32)
    return {
        name: tf.ragged.constant(lists, dtype, ragged_rank=1)
        for (name, lists), dtype in zip(rows.items(), types, strict=True)
    }


def _plain(lists):
    return {name: values.to_list() for name, values in lists.items()}


@pytest.mark.parametrize(
    ("times", "left"),
    [
        ([[4, 5, 6], [5, 9, 7]], [["", "", "c"], ["d", "", "e"]]),
        ([[4, 5], [1, 1]], [["", "", "c"], ["", "", "e"]]),  # the last ones have no time
        ([[4, 5, 6, 7], [1, 1, 1, 1]], [["", "", "c"], ["", "", ""]]),  # one time too many
        ([[6]], [["a", "b", "c"], ["d", "", "e"]]),  # one row for all
        ([[]], [["a", "b", "c"], ["d", "", "e"]]),  # the default: no times
    ],
)
def test_what_is_not_later_is_left_out(times, left):
    given = {"history_item_ids": ITEMS, "history_timestamps": tf.constant(times, tf.int64)}
    found = later_events(given, tf.constant([5, 4], tf.int64))["history_item_ids"]
    assert found.numpy().tolist() == [[text.encode() for text in row] for row in left]


def test_nothing_is_left_out_of_those_who_did_nothing_before():
    given = {"history_item_ids": ITEMS, "history_timestamps": tf.zeros([2, 3], tf.int64)}
    nobody = tf.fill([2], tf.int64.min)
    assert (later_events(given, nobody)["history_item_ids"] == ITEMS).numpy().all()


def test_new_events_come_behind_the_known_ones():
    known = _lists([["a", "b"], [], ["c"]], [[1, 2], [], [3]], [[5.0, 4.0], [], [3.0]])
    new = _lists([["x"], ["y", "z"], []], [[7], [8, 9], []], [[1.0], [2.0, 3.0], []])
    assert _plain(with_recent(known, new)) == {
        "history_item_ids": [[b"a", b"b", b"x"], [b"y", b"z"], [b"c"]],
        "history_timestamps": [[1, 2, 7], [8, 9], [3]],
        "history_values": [[5.0, 4.0, 1.0], [2.0, 3.0], [3.0]],
    }


def test_without_new_events_all_stays_as_it_was():
    known = _lists([["a", "b"], []], [[1, 2], []], [[5.0, 4.0], []])
    assert _plain(with_recent(known, _lists([[], []], [[], []], [[], []]))) == _plain(known)


def test_a_list_that_new_events_lack_ends_with_them():
    known = _lists([["a", "b"], ["c"]], [[1, 2], [3]], [[5.0, 4.0], [3.0]])
    new = _lists([["x", "y"], []], [[7, 8], []], [[1.0], []])  # the value of `y`, none of `x`
    found = _plain(with_recent(known, new))
    assert found["history_timestamps"] == [[1, 2, 7, 8], [3]]
    assert found["history_values"] == [[1.0], [3.0]]
