"""Signatures with defaults: what is exported, and what loading does with it."""

import numpy as np
import pytest
import tensorflow as tf

from serving.ops import read_saved_model
from serving.signature_function import ask, signature_function

SPECS = [
    tf.TensorSpec([None], tf.string, name="user_id"),
    tf.TensorSpec([None, None], tf.float32, name="zzz"),
]
OPTIONAL = [
    tf.TensorSpec([None], tf.int32, name="k"),
    tf.TensorSpec([None, None], tf.string, name="exclude_item_ids"),
    tf.TensorSpec([None], tf.bool, name="filter_seen"),
    tf.TensorSpec([None], tf.float32, name="a_number"),
]


def _echo(**inputs):
    return {f"{name}_out": values for name, values in inputs.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    function = signature_function(_echo, SPECS, OPTIONAL)
    tf.saved_model.save(tf.Module(), str(folder), signatures={"echo": function})
    return folder


def test_defaults_are_exported_with_the_signature(folder):
    signature = read_saved_model(folder).meta_graphs[0].signature_def["echo"]
    assert set(signature.inputs) == {"user_id", "zzz", "k", "exclude_item_ids", "filter_seen", "a_number"}
    defaults = {name: tf.make_ndarray(value) for name, value in signature.defaults.items()}
    assert set(defaults) == {"k", "exclude_item_ids", "filter_seen", "a_number"}
    assert defaults["k"].tolist() == [10]
    assert defaults["filter_seen"].tolist() == [True]
    assert defaults["exclude_item_ids"].shape == (1, 0)
    assert defaults["a_number"].tolist() == [0.0]


def test_each_input_reaches_its_name_and_the_rest_take_their_defaults(folder):
    loaded = tf.saved_model.load(str(folder)).signatures["echo"]
    answers = ask(loaded, user_id=["x"], zzz=[[1.5]], filter_seen=[False])
    assert answers["user_id_out"].numpy().tolist() == [b"x"]
    assert answers["zzz_out"].numpy().tolist() == [[1.5]]
    assert answers["filter_seen_out"].numpy().tolist() == [False]
    assert answers["k_out"].numpy().tolist() == [10]
    np.testing.assert_array_equal(answers["exclude_item_ids_out"].numpy(), np.zeros([1, 0], object))


def test_an_input_that_there_is_not_is_refused(folder):
    loaded = tf.saved_model.load(str(folder)).signatures["echo"]
    with pytest.raises(TypeError, match="has no input kk; it has a_number, exclude_item_ids"):
        ask(loaded, user_id=["x"], zzz=[[1.0]], kk=[3])


def test_an_input_that_is_not_looked_at_is_taken_all_the_same(tmp_path):
    def call(user_id, **_):
        return {"out": user_id}

    tf.saved_model.save(
        tf.Module(), str(tmp_path), signatures={"f": signature_function(call, SPECS[:1], OPTIONAL)}
    )
    loaded = tf.saved_model.load(str(tmp_path)).signatures["f"]
    assert set(loaded.structured_input_signature[1]) == {"user_id", *(spec.name for spec in OPTIONAL)}
    assert ask(loaded, user_id=["x"], filter_seen=[False])["out"].numpy().tolist() == [b"x"]
