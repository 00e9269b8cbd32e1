"""What a recommendation was because of: which events are named, and which are not."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import tensorflow as tf

from serving.event_contributions import EXAMINED, Contributions
from serving.reasons import LEAST_FALL, SHOWN_EVENTS, Reasons
from serving.shared_categories import SharedCategories

NUM_ITEMS = 10
IDS = np.array([f"i{i}" for i in range(NUM_ITEMS)])
CORPUS = SimpleNamespace(
    embeddings=tf.zeros([NUM_ITEMS + 1, 2]),
    item_ids=tf.constant(IDS),
    titles=tf.constant([f"title {i}" for i in range(NUM_ITEMS)]),
    lookup_items=lambda ids: tf.constant(
        [[-1 if not i else int(i[1:]) for i in row] for row in ids.numpy().tolist()], tf.int32
    ),
)
CATEGORIES = SharedCategories(
    pa.table({"item_id": IDS, "kind": [["even" if i % 2 == 0 else "odd"] for i in range(NUM_ITEMS)]}),
    np.char.encode(IDS).astype(object),
)


def _of(events, falls, rows, filled=None, seen=((),)):
    """The answers for one request: events the newest first, and what each of `rows` loses without them."""
    missing = EXAMINED - len(events)
    item_ids = tf.constant([[*events, *[""] * missing]])
    padded = np.pad(np.float32(falls), [[0, 0], [0, missing]])[np.newaxis]
    contributions = SimpleNamespace(
        of=lambda raw, queries, found, wanted: Contributions(item_ids, tf.constant(padded))
    )
    filled = np.ones([1, len(rows)], bool) if filled is None else np.array([filled])
    answers = Reasons(CORPUS, contributions, CATEGORIES).of(
        {}, tf.zeros([1, 2]), tf.constant([rows]), tf.constant(filled), tf.constant(np.int32(seen))
    )
    return {name: values.numpy()[0] for name, values in answers.items()}


def test_the_weightiest_events_are_named_in_order():
    answer = _of(["i1", "i2", "i3", "i4"], [[0.5, 2.0, 1.0, 0.25], [0.0, 0.0, 0.0, 3.0]], [7, 8])
    assert answer["reason_item_ids"].tolist() == [[b"i2", b"i3", b"i1"], [b"i4", b"", b""]]
    assert answer["reason_titles"][0].tolist() == [b"title 2", b"title 3", b"title 1"]
    assert answer["reason_weights"].tolist() == [[2.0, 1.0, 0.5], [3.0, 0.0, 0.0]]
    assert answer["because_item_ids"].tolist() == [b"i2", b"i4"]
    assert answer["because_titles"].tolist() == [b"title 2", b"title 4"]


def test_what_lowers_a_score_and_what_rounding_makes_is_no_reason():
    answer = _of(["i1", "i2"], [[-1.0, LEAST_FALL / 2]], [7])
    assert not answer["reason_item_ids"].any()
    assert not answer["reason_weights"].any()
    assert answer["because_item_ids"].tolist() == [b""]


def test_no_item_is_named_for_itself_or_twice_and_none_that_the_corpus_lacks():
    events = ["i7", f"i{NUM_ITEMS}", "i3", "i3", "i2"]
    answer = _of(events, [[9.0, 8.0, 2.0, 7.0, 1.0]], [7])
    assert answer["reason_item_ids"][0].tolist() == [b"i3", b"i2", b""]
    assert answer["reason_weights"][0].tolist() == [2.0, 1.0, 0.0]  # by its newest event


def test_places_that_are_not_filled_have_no_reasons():
    answer = _of(["i1"], [[1.0], [1.0]], [7, 9], filled=[True, False], seen=[[1, 3]])
    assert answer["because_item_ids"].tolist() == [b"i1", b""]
    assert answer["shared_categories"][:, 0].tolist() == [b"kind=odd", b""]
    assert answer["shared_category_weights"][:, 0].tolist() == [1.0, 0.0]


def test_without_a_history_there_is_no_reason():
    answer = _of([], np.zeros([2, 0]), [7, 8])
    assert answer["reason_item_ids"].shape == (2, SHOWN_EVENTS)
    assert not any(values.any() for values in answer.values())
