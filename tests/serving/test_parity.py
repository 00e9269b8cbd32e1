"""A request that is made from a user's profile is turned into what training had at that moment."""

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from pipeline.config.data import FeaturesConfig
from pipeline.config.ranking import TaskConfig
from pipeline.history import user_histories, with_history
from pipeline.preprocessing import TransformSettings
from schemas.features import Stream, TableLayout
from schemas.tables import interactions_schema, users_schema
from serving.profiles import UserProfiles
from tests.pipeline.small_transform import small_transform
from trainer.item_lookup import ItemLookup
from trainer.request import QueryTransform

pytestmark = pytest.mark.slow

LAYOUT = TableLayout(
    has_event_type=True,
    has_dwell=True,
    exposure_types=("shown",),
    prior_types=("before",),
    user_numbers=("user_age",),
)
DAY, NUM_EVENTS, NUM_USERS, NUM_ITEMS = 86400, 120, 5, 7
SETTINGS = TransformSettings(
    layout=LAYOUT,
    features=FeaturesConfig(history_length=6, number_buckets=4, crosses=(("weekday", "user_age"),)),
    tasks=(TaskConfig(name="click", kind="event", event_type="click"),),
)
NOW = 60 * DAY


def _log():
    """Two months of a few users, with many a history longer than what is kept."""
    rng = np.random.default_rng(0)
    moments = np.sort(rng.integers(0, NOW, NUM_EVENTS))
    types = rng.choice(["click", "like", "shown"], NUM_EVENTS).astype(object)
    types[:10] = "before"
    dwell = np.where(rng.random(NUM_EVENTS) < 0.3, np.nan, rng.integers(1, 99, NUM_EVENTS))
    columns = {
        "user_id": [f"u{i}" for i in rng.integers(0, NUM_USERS, NUM_EVENTS)],
        "item_id": [f"i{i}" for i in rng.integers(0, NUM_ITEMS, NUM_EVENTS)],
        "timestamp": moments,
        "value": rng.integers(1, 6, NUM_EVENTS).astype(np.float32),
        "event_type": types,
        "dwell_seconds": pa.array(dwell, pa.float32(), from_pandas=True),
    }
    return pa.table({name: columns[name] for name in interactions_schema(LAYOUT).names}).cast(
        interactions_schema(LAYOUT)
    )


def _rows(table):
    """As Transform's raw data, with the users' ages."""
    rows = []
    for row in table.to_pylist():
        row["dwell_seconds"] = [] if row["dwell_seconds"] is None else [row["dwell_seconds"]]
        rows.append(row | {"user_age": [20.0 + int(row["user_id"][1:])]})
    return rows


def test_profiles_give_what_training_had(tmp_path):
    log = _log()
    examples = _rows(with_history(log, LAYOUT, SETTINGS.features.history_length))
    transform = small_transform(examples, SETTINGS, Stream.INTERACTIONS, tmp_path)
    users = [f"u{i}" for i in range(NUM_USERS)]
    # What each user would do next, were it in the log: its features are what training would have.
    one_each = {name: values[:1] * NUM_USERS for name, values in log.slice(0, 1).to_pydict().items()}
    one_each |= {"user_id": users, "timestamp": [NOW] * NUM_USERS, "event_type": ["click"] * NUM_USERS}
    both = pa.concat_tables([log, pa.table(one_each, log.schema)])
    nexts = with_history(both, LAYOUT, SETTINGS.features.history_length, since=NOW)
    trained = transform(_rows(nexts))

    (tmp_path / "items").write_text("\n".join(f"i{i}" for i in range(NUM_ITEMS)) + "\n")
    lookup = ItemLookup(str(tmp_path / "items"), NUM_ITEMS)
    ages = pa.table(
        {"user_id": users, "user_age": [20.0 + i for i in range(NUM_USERS)]}, users_schema(LAYOUT)
    )
    features = SETTINGS.feature_set
    item_ids = tf.Variable(np.array([f"i{i}" for i in range(NUM_ITEMS)], np.bytes_))
    histories = user_histories(log, LAYOUT)
    assert max(map(len, histories["history_item_ids"].to_pylist())) > SETTINGS.features.history_length
    profiles = UserProfiles(histories, ages, features, item_ids, tmp_path)
    query = QueryTransform(transform.output, features, lookup)
    served = query(profiles.raw_request(tf.constant(users), tf.fill([NUM_USERS], tf.constant(NOW, tf.int64))))

    assert set(served) == {n for n in trained if not n.startswith(("label_", "weight_"))} - {
        "engaged",
        "item_id",
    }
    expected = {**trained, "history_item_ids": lookup(tf.constant(trained["history_item_ids"])).numpy()}
    for name, values in served.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    assert len(np.unique(served["history_recency"])) == NUM_USERS
