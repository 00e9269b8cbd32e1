"""Warm-up requests: of every signature and size, and such as the model answers."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.request_controls import CONTROL_SPECS
from serving.signature_function import EXAMPLES_SPEC, signature_function
from serving.warm_up import WARM_UP_FILE, write_warm_up

ITEM_IDS = ["i1", "i2", "ü"]
SIZES = (1, 2, 8)


class Served(tf.Module):
    """Parses what it is given, and says what it found."""

    def __init__(self):
        super().__init__()

        def serving_default(examples):
            spec = {
                "item_id": tf.io.FixedLenFeature([], tf.string),
                "history_item_ids": tf.io.VarLenFeature(tf.string),
            }
            parsed = tf.io.parse_example(examples, spec)
            return {"first": parsed["item_id"], "counts": tf.sparse.to_dense(parsed["history_item_ids"], "")}

        def for_histories(history_item_ids, user_id, **controls):
            width = tf.reduce_max(controls["k"])
            return {"wide": tf.zeros([tf.size(user_id), width]), "ids": history_item_ids}

        histories = tf.TensorSpec([None, None], tf.string, name="history_item_ids")
        users = tf.TensorSpec([None], tf.string, name="user_id")
        self.functions = {
            "serving_default": signature_function(serving_default, [EXAMPLES_SPEC]),
            "for_histories": signature_function(for_histories, [histories, users], CONTROL_SPECS),
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    served = Served()
    tf.saved_model.save(served, str(path), signatures=served.functions)
    assert write_warm_up(path, "small", ITEM_IDS, SIZES) == 2 * len(SIZES)
    return path


def _requests(folder):
    for record in tf.data.TFRecordDataset(str(folder / WARM_UP_FILE)):
        yield prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request


def test_every_signature_and_size_is_asked_for_and_answered(folder):
    model = tf.saved_model.load(str(folder))
    asked = set()
    for request in _requests(folder):
        name = request.model_spec.signature_name
        assert request.model_spec.name == "small"
        inputs = {
            key: tf.constant(tf.make_ndarray(value), value.dtype) for key, value in request.inputs.items()
        }
        (size,) = {len(values) for values in inputs.values()}
        answer = model.signatures[name](**inputs)
        assert all(len(values) == size for values in answer.values())
        asked.add((name, size))
    assert asked == {(name, size) for name in ("serving_default", "for_histories") for size in SIZES}


def test_items_are_real_and_nobody_is_named(folder):
    by_name = {request.model_spec.signature_name: request for request in _requests(folder)}
    histories = by_name["for_histories"].inputs
    assert set(np.ravel(tf.make_ndarray(histories["history_item_ids"]))) <= {i.encode() for i in ITEM_IDS}
    assert set(np.ravel(tf.make_ndarray(histories["user_id"]))) == {b""}
    assert tf.make_ndarray(histories["k"]).tolist() == [10]  # the last size, one
    example = tf.train.Example.FromString(by_name["serving_default"].inputs["examples"].string_val[0])
    assert "user_id" not in example.features.feature


def test_the_file_is_always_the_same(folder):
    before = (folder / WARM_UP_FILE).read_bytes()
    write_warm_up(folder, "small", ITEM_IDS, SIZES)
    assert (folder / WARM_UP_FILE).read_bytes() == before


def test_more_than_servers_take_is_refused(folder):
    with pytest.raises(ValueError, match="1,200 warm-up requests are more than the 1,000"):
        write_warm_up(folder, "small", ITEM_IDS, range(1, 601))
