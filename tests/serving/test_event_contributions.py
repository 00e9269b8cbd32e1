"""What each event contributes: against taking it out by hand."""

import numpy as np
import tensorflow as tf

from schemas.features import TableLayout, declare_features
from serving.event_contributions import EXAMINED, EventContributions
from tests.serving.history_encoder import LENGTH, query_side

NUM_ITEMS, DIM = 12, 3
EMBEDDINGS = np.random.default_rng(0).normal(size=[NUM_ITEMS + 1, DIM]).astype(np.float32)
HISTORIES = [[3, 5, 7], [], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [11]]
VALUES = [[1.0, 2.0, -1.0], [], [0.5 * i for i in range(10)], [3.0]]
ROWS = np.array([[1, 2], [3, 4], [10, 11], [0, 5]])


def _lookup(item_ids):
    return tf.strings.to_number(item_ids, tf.int32)


def _raw(histories=HISTORIES, values=VALUES):
    ids = [[str(item) for item in history] for history in histories]
    return {
        "history_item_ids": tf.ragged.constant(ids, tf.string, ragged_rank=1).to_sparse(),
        "history_values": tf.ragged.constant(values, tf.float32, ragged_rank=1).to_sparse(),
        # What is no list of the history stays whole.
        "user_city": tf.SparseTensor([[0, 0]], ["here"], [len(histories), 1]),
        "timestamp": tf.range(len(histories), dtype=tf.int64),
    }


def _query(history, values):
    """[DIM] by NumPy."""
    weights = np.float32(values[-LENGTH:])[:, np.newaxis]
    return (EMBEDDINGS[history[-LENGTH:]] * weights).sum(axis=0) if history else np.zeros(DIM, np.float32)


def _contributions(raw, rows=ROWS, queries=None, wanted=True):
    side = query_side(EMBEDDINGS, _lookup)
    if queries is None:
        queries = side.encode_queries(side.transform_queries(raw))
    found = EventContributions(side, declare_features(TableLayout()))
    return found.of(raw, queries, tf.gather(EMBEDDINGS, rows), tf.broadcast_to(wanted, [len(rows)]))


def test_a_fall_is_what_taking_the_event_out_costs():
    found = _contributions(_raw())
    assert found.falls.shape == (*ROWS.shape, EXAMINED)
    for row, (history, values) in enumerate(zip(HISTORIES, VALUES, strict=True)):
        newest = [str(item).encode() for item in history[::-1][:EXAMINED]]
        assert found.item_ids[row].numpy().tolist() == newest + [b""] * (EXAMINED - len(newest))
        whole = _query(history, values)
        for place in range(EXAMINED):
            expected = np.zeros(ROWS.shape[1])
            if place < len(history):
                gone = len(history) - 1 - place
                left = _query(history[:gone] + history[gone + 1 :], values[:gone] + values[gone + 1 :])
                expected = EMBEDDINGS[ROWS[row]] @ (whole - left)
            np.testing.assert_allclose(found.falls[row, :, place], expected, rtol=1e-4, atol=1e-5)


def test_an_event_that_is_not_read_contributes_nothing():
    falls = _contributions(_raw()).falls.numpy()[2]
    assert np.abs(falls[:, :LENGTH]).min() > 0.01
    assert np.abs(falls[:, LENGTH:]).max() < 1e-5


def test_a_request_of_which_they_are_not_wanted_has_none():
    some, all_of_them = _contributions(_raw(), wanted=[True, True, False, True]), _contributions(_raw())
    for row in (0, 1, 3):
        assert some.item_ids[row].numpy().tolist() == all_of_them.item_ids[row].numpy().tolist()
        np.testing.assert_allclose(some.falls[row], all_of_them.falls[row], rtol=1e-5)
    assert not (some.item_ids[2] != "").numpy().any()
    assert not some.falls[2].numpy().any()


def test_nothing_is_asked_again_if_none_are_wanted():
    side = query_side(EMBEDDINGS, _lookup)
    queries = side.encode_queries(side.transform_queries(_raw()))
    found = EventContributions(side, declare_features(TableLayout()))
    side.encode_queries = None  # calling it is an error
    falls = found.of(_raw(), queries, tf.gather(EMBEDDINGS, ROWS), tf.zeros([len(ROWS)], tf.bool)).falls
    assert falls.shape == (*ROWS.shape, EXAMINED)


def test_nobody_and_empty_lists():
    raw = _raw([], [])
    assert _contributions(raw, np.zeros([0, 2], int)).falls.shape == (0, 2, EXAMINED)
    assert _contributions(_raw(), np.zeros([4, 0], int)).falls.shape == (4, 0, EXAMINED)
    nothing = _contributions(_raw([[], []], [[], []]), ROWS[:2])
    assert not nothing.falls.numpy().any()
    assert (nothing.item_ids == "").numpy().all()
