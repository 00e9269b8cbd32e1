"""How serialized requests are parsed."""

import tensorflow as tf

from schemas.features import TableLayout, declare_features
from trainer.request import parsing_spec

LAYOUT = TableLayout(user_numbers=("user_age",), has_event_type=True, has_dwell=True)
SPEC = parsing_spec(declare_features(LAYOUT).request_features())


def _parse(**values):
    """One request, parsed."""
    features = {}
    for name, value in values.items():
        if isinstance(value[0], str):
            texts = [text.encode() for text in value]
            features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=texts))
        elif isinstance(value[0], int):
            features[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=value))
        else:
            features[name] = tf.train.Feature(float_list=tf.train.FloatList(value=value))
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return tf.io.parse_example([example.SerializeToString()], SPEC)


def test_an_empty_request_is_anonymous_and_has_no_time():
    raw = _parse()
    assert raw["user_id"].numpy().tolist() == [b""]
    assert raw["timestamp"].numpy().tolist() == [0]
    assert raw["history_item_ids"].values.shape == raw["user_age"].values.shape == (0,)


def test_a_whole_request():
    raw = _parse(
        user_id=["用户"],
        timestamp=[5],
        history_item_ids=["a", "b"],
        history_timestamps=[3, 4],
        history_values=[1.0, 2.0],
        history_event_types=["click", "buy"],
        history_dwell_seconds=[0.5, 0.0],
    )
    assert raw["user_id"].numpy()[0].decode() == "用户"
    assert raw["timestamp"].numpy().tolist() == [5]
    assert raw["history_item_ids"].values.numpy().tolist() == [b"a", b"b"]
    assert raw["history_timestamps"].values.numpy().tolist() == [3, 4]
    assert raw["history_values"].values.numpy().tolist() == [1.0, 2.0]
    assert raw["history_event_types"].values.numpy().tolist() == [b"click", b"buy"]
    assert raw["history_dwell_seconds"].values.numpy().tolist() == [0.5, 0.0]


def test_neither_labels_nor_the_item_are_asked_for():
    lists = {"item_ids", "timestamps", "values", "event_types", "dwell_seconds"}
    assert set(SPEC) == {"user_id", "timestamp", "user_age"} | {f"history_{name}" for name in lists}
