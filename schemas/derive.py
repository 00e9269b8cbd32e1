"""A TFMD schema from the feature records, for data that have no curated one."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2

from schemas.features import ITEM_ID, USER_ID, DType, Encoding, Feature, FeatureSet, Stream

TRAINING = "TRAINING"
SERVING = "SERVING"

# How far a distribution may move before a run stops: the largest change of any category's share, and
# the Jensen-Shannon divergence (base 2; two normal distributions a standard deviation apart: 0.16).
# Between the two halves in time of MovieLens 100K categories move by up to 0.06 (user_occupation) and
# numbers by up to 0.03 (user_age), between its halves at random by 0.006 and 0.0001.
MAX_CATEGORY_DISTANCE = 0.1
MAX_NUMBER_DISTANCE = 0.2

_TFMD_TYPES = {
    DType.STRING: schema_pb2.BYTES,
    DType.INT: schema_pb2.INT,
    DType.FLOAT: schema_pb2.FLOAT,
}


def derive_schema(features: FeatureSet, stream: Stream) -> schema_pb2.Schema:
    """The least that must hold for a stream's examples: names, types, presence, arity.

    Labels belong to the `TRAINING` environment alone. Categories and numbers may not move far from
    what they were (drift), nor from what requests hold (skew). A curated schema says more: domains
    and ranges.

    Args:
      features: The declared features.
      stream: The stream whose schema is wanted.

    Returns:
      The schema, features in the order of their declaration.
    """
    schema = schema_pb2.Schema(default_environment=[TRAINING, SERVING])
    for feature in features.of(stream):
        proto = schema.feature.add()
        _add(proto, feature)
        _add_comparators(proto, feature)
    return schema


def _add(proto: schema_pb2.Feature, feature: Feature) -> None:
    """Fills one feature's proto."""
    proto.name = feature.name
    proto.type = _TFMD_TYPES[feature.dtype]
    if feature.dtype == DType.FLOAT:
        proto.float_domain.disallow_nan = True
        proto.float_domain.disallow_inf = True
    if feature.required:
        proto.presence.min_fraction = 1.0
        proto.presence.min_count = 1
    if feature.required and not feature.is_list:
        proto.shape.SetInParent()  # a scalar
    elif not feature.is_list:
        proto.value_count.max = 1
    elif feature.encoding == Encoding.VECTOR:
        proto.value_count.min = proto.value_count.max = feature.dim
    if feature.encoding == Encoding.LABEL:
        proto.not_in_environment.append(SERVING)


def _add_comparators(proto: schema_pb2.Feature, feature: Feature) -> None:
    """Says how far a feature's distribution may move; ids, texts, times and histories may move freely."""
    if feature.name in (USER_ID, ITEM_ID):
        return
    comparator = schema_pb2.FeatureComparator()
    if feature.dtype == DType.STRING and feature.encoding in (Encoding.VOCABULARY, Encoding.LABEL):
        comparator.infinity_norm.threshold = MAX_CATEGORY_DISTANCE
    elif feature.dtype == DType.FLOAT and feature.encoding in (Encoding.NUMBER, Encoding.LABEL):
        comparator.jensen_shannon_divergence.threshold = MAX_NUMBER_DISTANCE
    else:
        return
    proto.drift_comparator.CopyFrom(comparator)
    if feature.stream == Stream.INTERACTIONS and feature.encoding != Encoding.LABEL:
        proto.skew_comparator.CopyFrom(comparator)
