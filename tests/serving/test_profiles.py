"""What a bundle knows of its users."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from pipeline.history import user_histories
from schemas.features import RARE_ITEM_ID, DType, TableLayout, declare_features
from schemas.tables import interactions_schema, users_schema
from serving.profiles import UserProfiles

LAYOUT = TableLayout(
    user_categories=("user_sex",),
    user_numbers=("user_age",),
    has_event_type=True,
    has_dwell=True,
    exposure_types=("shown",),
)
ITEM_IDS = np.array(["a", "b", "用户".encode()], dtype=np.bytes_)


def _histories():
    log = [
        ("u", "b", 3, 2.0, "click", None),
        ("v", "a", 1, 5.0, "like", 8.0),
        ("u", "a", 1, 1.0, "click", 7.0),
        ("u", "b", 2, 0.0, "shown", None),
        ("only shown", "b", 2, 0.0, "shown", None),
        ("u", "用户", 2, 4.0, "喜欢", 0.5),
    ]
    columns = list(zip(*log, strict=True))
    interactions = pa.table(dict(zip(interactions_schema(LAYOUT).names, columns, strict=True)))
    return user_histories(interactions.cast(interactions_schema(LAYOUT)), LAYOUT)


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    users = pa.table(
        {"user_id": ["new", "u"], "user_sex": ["f", None], "user_age": [30.0, 40.0]}, users_schema(LAYOUT)
    )
    folder = tmp_path_factory.mktemp("profiles")
    return UserProfiles(_histories(), users, declare_features(LAYOUT), tf.Variable(ITEM_IDS), folder)


IDS = tf.constant(["v", "nobody", "u", "new"])


def test_histories_are_whole_and_in_time_order(profiles):
    assert profiles.history_rows(IDS).to_list() == [[0], [], [0, 2, 1], []]
    assert profiles.history_values(IDS).to_list() == [[5.0], [], [1.0, 4.0, 2.0], []]


def test_users_with_a_history_or_attributes_are_known(profiles):
    assert profiles.is_known(IDS).numpy().tolist() == [True, False, True, True]
    assert not profiles.is_known(tf.constant(["only shown"]))


def test_a_request_holds_what_is_known(profiles):
    raw = profiles.raw_request(IDS, tf.zeros([4], tf.int64))
    history = tf.RaggedTensor.from_sparse(raw["history_item_ids"]).to_list()
    assert history == [[b"a"], [], [b"a", "用户".encode(), b"b"], []]
    lists = {name: tf.RaggedTensor.from_sparse(x).to_list() for name, x in raw.items() if "history" in name}
    assert lists["history_timestamps"] == [[1], [], [1, 2, 3], []]
    assert lists["history_values"] == [[5.0], [], [1.0, 4.0, 2.0], []]
    assert lists["history_event_types"] == [[b"like"], [], [b"click", "喜欢".encode(), b"click"], []]
    assert lists["history_dwell_seconds"] == [[8.0], [], [7.0, 0.5, 0.0], []]
    assert tf.sparse.to_dense(raw["user_sex"], "absent").numpy().ravel().tolist() == [b"absent"] * 3 + [b"f"]
    assert tf.sparse.to_dense(raw["user_age"], -1.0).numpy().ravel().tolist() == [-1, -1, 40, 30]


def test_the_newest_time_of_each_user(profiles):
    never = np.iinfo(np.int64).min
    assert profiles.newest_times(IDS).numpy().tolist() == [1, never, 3, never]


def test_a_request_may_have_other_histories(profiles):
    histories = profiles.histories(IDS)
    turned = {name: tf.reverse(values, axis=[1]) for name, values in histories.items()}
    raw = profiles.raw_request(IDS, tf.zeros([4], tf.int64), turned)
    assert tf.RaggedTensor.from_sparse(raw["history_timestamps"]).to_list() == [[1], [], [3, 2, 1], []]
    assert set(histories) == {name for name in raw if name.startswith("history")}


def test_a_batch_of_nobody(profiles):
    raw = profiles.raw_request(tf.constant([], tf.string), tf.constant([], tf.int64))
    assert raw["history_item_ids"].dense_shape[0] == 0


def test_a_request_is_what_a_request_may_be(profiles):
    """Every feature that Transform asks for, of its type."""
    raw = profiles.raw_request(IDS, tf.zeros([4], tf.int64))
    types = {DType.STRING: tf.string, DType.INT: tf.int64, DType.FLOAT: tf.float32}
    expected = {f.name: types[f.dtype] for f in declare_features(LAYOUT).request_features()}
    assert {name: x.dtype for name, x in raw.items()} == expected


def test_profiles_outlive_saving(profiles, tmp_path):
    module = tf.Module()
    module.profiles = profiles
    module.ask = tf.function(
        lambda ids: profiles.raw_request(ids, tf.zeros_like(ids, tf.int64)),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    again, before = loaded.ask(IDS), module.ask(IDS)
    for name, values in before.items():
        for left, right in zip(
            tf.nest.flatten(values, True), tf.nest.flatten(again[name], True), strict=True
        ):
            np.testing.assert_array_equal(left, right)


def test_nobody_has_done_anything(tmp_path):
    users = pa.table({"user_id": ["new"], "user_sex": ["f"], "user_age": [30.0]}, users_schema(LAYOUT))
    empty = _histories().slice(0, 0)
    profiles = UserProfiles(empty, users, declare_features(LAYOUT), tf.Variable(ITEM_IDS), tmp_path)
    raw = profiles.raw_request(tf.constant(["new", "nobody"]), tf.zeros([2], tf.int64))
    assert raw["history_event_types"].values.shape == raw["history_timestamps"].values.shape == [0]
    assert profiles.newest_times(tf.constant(["new"])).numpy().tolist() == [np.iinfo(np.int64).min]


def test_an_id_that_was_folded_is_the_row_after_the_last(tmp_path):
    users, item_ids = users_schema(LAYOUT).empty_table(), tf.Variable(ITEM_IDS[:2])
    profiles = UserProfiles(_histories(), users, declare_features(LAYOUT), item_ids, tmp_path)
    assert profiles.history_rows(tf.constant(["u"])).to_list() == [[0, 2, 1]]
    raw = profiles.raw_request(tf.constant(["u"]), tf.constant([0], tf.int64))
    history = tf.RaggedTensor.from_sparse(raw["history_item_ids"]).to_list()
    assert history == [[b"a", RARE_ITEM_ID.encode(), b"b"]]
