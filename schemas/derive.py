"""A TFMD schema from the feature records, for data that have no curated one."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2

from schemas.features import DType, Encoding, Feature, FeatureSet, Stream

TRAINING = "TRAINING"
SERVING = "SERVING"

_TFMD_TYPES = {
    DType.STRING: schema_pb2.BYTES,
    DType.INT: schema_pb2.INT,
    DType.FLOAT: schema_pb2.FLOAT,
}


def derive_schema(features: FeatureSet, stream: Stream) -> schema_pb2.Schema:
    """The least that must hold for a stream's examples: names, types, presence, arity.

    Labels belong to the `TRAINING` environment alone. A curated schema says more: domains,
    ranges, drift.

    Args:
      features: The declared features.
      stream: The stream whose schema is wanted.

    Returns:
      The schema, features in the order of their declaration.
    """
    schema = schema_pb2.Schema(default_environment=[TRAINING, SERVING])
    for feature in features.of(stream):
        _add(schema.feature.add(), feature)
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
