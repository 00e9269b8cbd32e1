"""What a recommendation was because of, against NumPy."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from serving.reasons import NO_REASON, nearest_in_history, reasons

NUM_ITEMS, DIM = 10, 4
EMBEDDINGS = np.random.default_rng(0).normal(size=[NUM_ITEMS + 1, DIM + 1]).astype(np.float32)
HISTORY = np.int32([[1, -1, 4, 7], [NUM_ITEMS, -1, -1, -1], [3, 3, -1, -1]])
ROWS = np.int32([[2, 4, 9], [0, 1, 2], [3, 5, 6]])


def test_the_nearest_is_that_of_the_largest_cosine_and_never_the_item_itself():
    units = EMBEDDINGS[:, :-1] / np.linalg.norm(EMBEDDINGS[:, :-1], axis=1, keepdims=True)
    found = nearest_in_history(*map(tf.constant, (EMBEDDINGS, ROWS, HISTORY))).numpy()
    for row in range(3):
        for place, item in enumerate(ROWS[row]):
            known = [h for h in HISTORY[row] if 0 <= h < NUM_ITEMS and h != item]
            expected = max(known, key=lambda h: units[h] @ units[item]) if known else NO_REASON
            assert found[row, place] == expected
    assert found[2].tolist() == [NO_REASON, 3, 3]


def test_reasons_have_ids_and_titles_where_there_is_one():
    corpus = SimpleNamespace(
        embeddings=tf.constant(EMBEDDINGS),
        item_ids=tf.constant([f"i{i}" for i in range(NUM_ITEMS)]),
        titles=tf.constant([f"title {i}" for i in range(NUM_ITEMS)]),
    )
    filled = tf.constant([[True, True, False], [True] * 3, [True] * 3])
    answer = reasons(corpus, tf.constant(ROWS), filled, tf.constant(HISTORY))
    ids, titles = answer["because_item_ids"].numpy(), answer["because_titles"].numpy()
    assert ids[0, 2] == b""
    assert ids[1].tolist() == [b""] * 3
    assert ids[2].tolist() == [b"", b"i3", b"i3"]
    assert titles[2].tolist() == [b"", b"title 3", b"title 3"]
    for history in (tf.zeros([3, 0], tf.int32), tf.fill([3, 2], -1)):
        assert not any(map(len, reasons(corpus, ROWS, filled, history)["because_item_ids"].numpy().ravel()))
