"""Schemas proposed from small tables."""

import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.schema_proposal import MAX_CATEGORIES, propose_schema, widened
from schemas.derive import derive_schema
from schemas.features import Stream, TableLayout, declare_features
from tests.pipeline.small_statistics import statistics_of

FEATURES = declare_features(
    TableLayout(
        user_categories=("user_sex", "user_town"),
        user_numbers=("user_age", "user_height"),
        item_numbers=("item_year",),
    )
)
FRAME = {
    "user_id": [f"u{i % 7}" for i in range(200)],
    "item_id": ["a"] * 200,
    "timestamp": np.arange(1_000_000, 1_000_200),
    "value": [1.0, 5.0] * 100,
    "user_sex": ["m", "f", None, "m"] * 50,
    "user_town": [f"town {i % (MAX_CATEGORIES + 1)}" for i in range(200)],
    "user_age": [20.0, 60.0] * 100,
}


@pytest.fixture(scope="module")
def proposal():
    return propose_schema(FEATURES, Stream.INTERACTIONS, statistics_of(**FRAME))


def _feature(proposal, name):
    return next(feature for feature in proposal.schema.feature if feature.name == name)


def test_a_small_vocabulary_becomes_a_domain_and_a_large_one_does_not(proposal):
    assert list(_feature(proposal, "user_sex").string_domain.value) == ["f", "m"]
    assert not _feature(proposal, "user_town").HasField("string_domain")


def test_ids_and_texts_never_have_domains(proposal):
    assert not _feature(proposal, "item_id").HasField("string_domain")
    items = propose_schema(FEATURES, Stream.ITEMS, statistics_of(item_id=["a", "b"], title=["x", "y"]))
    assert not any(feature.HasField("string_domain") for feature in items.schema.feature)


def test_numbers_get_a_range_with_room_and_times_a_beginning(proposal):
    age = _feature(proposal, "user_age").float_domain
    assert (age.min, age.max, age.disallow_nan) == (16.0, 64.0, True)
    time = _feature(proposal, "timestamp").int_domain
    assert 999_900 < time.min < 1_000_000
    assert not time.max


def test_what_may_be_missing_must_be_there_nearly_as_often(proposal):
    assert _feature(proposal, "user_sex").presence.min_fraction == pytest.approx(0.7)  # of 0.75
    assert _feature(proposal, "user_age").presence.min_fraction == pytest.approx(0.95)
    assert _feature(proposal, "user_id").presence.min_fraction == 1.0


def test_a_feature_without_values_keeps_what_is_derived(proposal):
    derived = {f.name: f for f in derive_schema(FEATURES, Stream.INTERACTIONS).feature}
    assert _feature(proposal, "user_height") == derived["user_height"]
    assert proposal.observed["user_height"] == "in no example"


def test_the_text_can_be_read_and_says_what_was_seen(proposal):
    text = proposal.to_text("The events.")
    assert text.startswith("# The events.\n# Proposed from 200 examples;")
    assert '# in 75.0% of the examples, 2 distinct values\nfeature {\n  name: "user_sex"' in text
    assert text_format.Parse(text, schema_pb2.Schema()) == proposal.schema


def test_the_data_that_it_was_proposed_from_fit_and_others_do_not(proposal):
    assert not tfdv.validate_statistics(statistics_of(**FRAME), proposal.schema).anomaly_info
    changed = pd.DataFrame(FRAME).assign(value=50.0, user_sex="x").to_dict("list")
    found = tfdv.validate_statistics(statistics_of(**changed), proposal.schema).anomaly_info
    assert set(found) == {"value", "user_sex"}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((1, 5), (0.6, 5.4)),
        ((0, 1000), (0, 1100)),
        ((0.5, 1200), (0, 1400)),
        ((-10, -1), (-10.9, -0.1)),
        ((-1, 1), (-1.2, 1.2)),
        ((3, 3), (2.7, 3.3)),
        ((0, 0), (0, 0.0)),
    ],
)
def test_room_beyond_what_was_seen(seen, expected):
    assert widened(*seen) == pytest.approx(expected)
