"""What a bundle knows of its users."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from schemas.features import TableLayout, declare_features
from schemas.tables import interactions_schema, users_schema
from serving.profiles import UserProfiles

LAYOUT = TableLayout(user_categories=("user_sex",), user_numbers=("user_age",))


@pytest.fixture(scope="module")
def profiles(tmp_path_factory):
    log = [("u", "b", 3, 2.0), ("v", "a", 1, 5.0), ("u", "a", 1, 1.0), ("u", "用户", 2, 4.0)]
    columns = list(zip(*log, strict=True))
    interactions = pa.table(dict(zip(interactions_schema(LAYOUT).names, columns, strict=True)))
    interactions = interactions.cast(interactions_schema(LAYOUT))
    users = pa.table(
        {"user_id": ["new", "u"], "user_sex": ["f", None], "user_age": [30.0, 40.0]}, users_schema(LAYOUT)
    )
    item_ids = tf.Variable(np.array(["a", "b", "用户".encode()], dtype=np.bytes_))
    folder = tmp_path_factory.mktemp("profiles")
    return UserProfiles(interactions, users, LAYOUT, declare_features(LAYOUT), item_ids, folder)


IDS = tf.constant(["v", "nobody", "u", "new"])


def test_histories_are_whole_and_in_time_order(profiles):
    assert profiles.history_rows(IDS).to_list() == [[0], [], [0, 2, 1], []]
    assert profiles.history_values(IDS).to_list() == [[5.0], [], [1.0, 4.0, 2.0], []]


def test_users_with_interactions_or_attributes_are_known(profiles):
    assert profiles.is_known(IDS).numpy().tolist() == [True, False, True, True]


def test_a_request_holds_what_is_known(profiles):
    raw = profiles.raw_request(IDS, tf.zeros([4], tf.int64))
    history = tf.RaggedTensor.from_sparse(raw["history_item_ids"]).to_list()
    assert history == [[b"a"], [], [b"a", "用户".encode(), b"b"], []]
    assert tf.sparse.to_dense(raw["user_sex"], "absent").numpy().ravel().tolist() == [b"absent"] * 3 + [b"f"]
    assert tf.sparse.to_dense(raw["user_age"], -1.0).numpy().ravel().tolist() == [-1, -1, 40, 30]


def test_a_batch_of_nobody(profiles):
    raw = profiles.raw_request(tf.constant([], tf.string), tf.constant([], tf.int64))
    assert raw["history_item_ids"].dense_shape[0] == 0
