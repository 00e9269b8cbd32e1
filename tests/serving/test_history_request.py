"""Requests of plain arrays are those that examples would have been."""

import numpy as np
import tensorflow as tf

from schemas.features import TableLayout, declare_features
from serving.history_request import HistoryRequest
from tests.serving.examples import example
from trainer.request import parsing_spec

FEATURES = declare_features(
    TableLayout(user_categories=("user_city",), user_numbers=("user_age",), has_event_type=True)
)
INPUTS = {
    "history_item_ids": tf.constant([["", "a", "b"], ["c", "", ""], ["", "", ""]]),
    "history_timestamps": tf.constant([[0, 5, 6], [7, 0, 0], [0, 0, 0]], tf.int64),
    "history_values": tf.constant([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0], [0.0] * 3]),
    "history_event_types": tf.zeros([1, 0], tf.string),  # the default: not given
    "timestamp": tf.constant([9], tf.int64),
    "k": tf.constant([1]),
}


def test_columns_are_parsed_as_examples_of_the_same():
    request = HistoryRequest(FEATURES)
    assert {spec.name for spec in request.optional} == set(INPUTS) - {"history_item_ids", "k"}
    raw = request.raw(INPUTS)
    said = [
        {"history_item_ids": ["a", "b"], "history_timestamps": [5, 6], "history_values": [1.0, 2.0]},
        {"history_item_ids": "c", "history_timestamps": 7, "history_values": 3.0},
        {},
    ]
    examples = tf.constant([example({**features, "timestamp": 9}) for features in said])
    expected = tf.io.parse_example(examples, parsing_spec(FEATURES.request_features()))
    assert set(raw) == set(expected)
    for name, values in expected.items():
        if isinstance(values, tf.SparseTensor):
            assert raw[name].dtype == values.dtype
            np.testing.assert_array_equal(raw[name].indices, values.indices, err_msg=name)
            np.testing.assert_array_equal(raw[name].values, values.values, err_msg=name)
        else:
            np.testing.assert_array_equal(raw[name], values, err_msg=name)


def test_a_list_of_another_width_than_the_items_keeps_what_stands_beside_one():
    inputs = {**INPUTS, "history_values": tf.constant([[0.0, 1.0], [3.0, 4.0], [5.0, 6.0]])}
    raw = HistoryRequest(FEATURES).raw(inputs)
    assert raw["history_values"].values.numpy().tolist() == [1.0, 3.0]
