"""The feature records and what derives from them."""

from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.config.data import (
    CompleteJourneySource,
    MindSource,
    MovieLens100KSource,
    MovieLensLatestSource,
)
from pipeline.datasets.registry import open_adapter
from pipeline.schema_files import CURATED
from schemas.derive import SERVING, derive_schema
from schemas.features import DType, Encoding, Stream, TableLayout, declare_features

FULL = TableLayout(
    user_categories=("user_sex",),
    user_numbers=("user_age",),
    item_categories=("item_tags",),
    item_numbers=("item_year",),
    has_event_type=True,
    has_text=True,
    has_dwell=True,
    item_vectors=(("item_sound", 3),),
)


def test_a_request_holds_neither_the_item_nor_labels():
    names = {feature.name for feature in declare_features(FULL).request_features()}
    lists = {"history_item_ids", "history_timestamps", "history_values", "history_event_types"}
    assert names == {"user_id", "timestamp", "user_sex", "user_age", "history_dwell_seconds"} | lists


def test_optional_columns_are_declared_only_if_the_source_has_them():
    bare = {f.name for f in declare_features(TableLayout(has_value=False))}
    assert bare == {"user_id", "item_id", "timestamp", "history_item_ids", "history_timestamps", "title"}


def test_what_windows_sum_up_is_there():
    for layout in (FULL, TableLayout(), TableLayout(has_value=False)):
        features = declare_features(layout)
        lists = {f.name for f in features.of(Stream.INTERACTIONS, Encoding.SEQUENCE)}
        assert {f.source for f in features.history_features} - {None} <= lists


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (("weekday", "hour"), "'hour'; choose from hour_of_day, item_tags, item_year, user_age, .*, weekday"),
        (("weekday", "user_id"), "'user_id'; choose from"),
        (("user_sex", "item_tags"), "'user_sex' with 'item_tags': one is of users, the other of items"),
        (("item_tags", "item_tags"), "'item_tags' with 'item_tags': both hold several values"),
    ],
)
def test_a_cross_of_what_cannot_be_crossed_is_refused(pair, reason):
    with pytest.raises(ValueError, match=f"cannot cross {reason}"):
        declare_features(FULL, (pair,))


def test_crosses_belong_to_a_stream():
    pairs = (("weekday", "user_age"), ("item_year", "item_tags"), ("user_sex", "hour_of_day"))
    features = declare_features(FULL, pairs)
    assert features.crosses_of(Stream.INTERACTIONS) == (pairs[0], pairs[2])
    assert features.crosses_of(Stream.ITEMS) == (pairs[1],)


@pytest.mark.parametrize("stream", list(Stream))
def test_a_derived_schema_says_what_the_records_say(stream):
    features = {f.name: f for f in declare_features(FULL).of(stream)}
    schema = derive_schema(declare_features(FULL), stream)
    assert [f.name for f in schema.feature] == list(features)
    kinds = {DType.STRING: schema_pb2.BYTES, DType.INT: schema_pb2.INT, DType.FLOAT: schema_pb2.FLOAT}
    for proto in schema.feature:
        record = features[proto.name]
        assert proto.type == kinds[record.dtype]
        assert (proto.presence.min_fraction == 1) == record.required
        assert (SERVING in proto.not_in_environment) == (record.encoding == Encoding.LABEL)
        assert proto.value_count.min == record.dim
        assert proto.value_count.max == (record.dim or (not record.is_list and not record.required))


SOURCES = {
    "movielens_100k": MovieLens100KSource(source="movielens_100k"),
    "movielens_latest": MovieLensLatestSource(
        source="movielens_latest", folder=Path("films"), item_text=Path("texts.csv")
    ),
    "completejourney": CompleteJourneySource(source="completejourney"),
    "mind": MindSource(source="mind", folder=Path("news")),
}


def test_every_curated_schema_belongs_to_a_source():
    assert {path.name for path in CURATED.iterdir() if path.is_dir() and path.name[0] != "_"} == set(SOURCES)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("stream", list(Stream))
def test_a_curated_schema_has_the_declared_features_with_their_types(source, stream):
    text = (CURATED / source / f"{stream.value}.pbtxt").read_text(encoding="utf-8")
    curated = text_format.Parse(text, schema_pb2.Schema())
    derived = derive_schema(declare_features(open_adapter(SOURCES[source]).layout()), stream)
    assert [(f.name, f.type) for f in curated.feature] == [(f.name, f.type) for f in derived.feature]
    for ours, least in zip(curated.feature, derived.feature, strict=True):
        assert ours.presence.min_fraction >= least.presence.min_fraction, ours.name
        assert ours.not_in_environment == least.not_in_environment
        assert ours.HasField("shape") == least.HasField("shape")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("stream", list(Stream))
def test_a_curated_schema_watches_what_a_derived_one_would(source, stream):
    text = (CURATED / source / f"{stream.value}.pbtxt").read_text(encoding="utf-8")
    curated = text_format.Parse(text, schema_pb2.Schema())
    derived = derive_schema(declare_features(open_adapter(SOURCES[source]).layout()), stream)
    for shift in ("drift_comparator", "skew_comparator"):
        ours, theirs = ({f.name: _kind(getattr(f, shift)) for f in s.feature} for s in (curated, derived))
        # There are too many entities, and new ones every day.
        assert ours == {**theirs, **({"item_entities": []} if "item_entities" in theirs else {})}


def _kind(comparator):
    return [field.name for field, _ in comparator.ListFields()]
