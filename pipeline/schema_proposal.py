"""A schema that fits the data at hand, with room for those to come."""

from __future__ import annotations

import math
from dataclasses import dataclass

import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from pipeline.statistics_files import feature_name
from schemas.derive import derive_schema
from schemas.features import ITEM_ID, USER_ID, DType, Encoding, Feature, FeatureSet, Stream

# A text with more distinct values is no vocabulary that a person would check.
MAX_CATEGORIES = 100
# Room beyond what was seen: of a range, on each side; of the examples that have a feature.
_RANGE_MARGIN = 0.1
_PRESENCE_MARGIN = 0.05

_CATEGORIES = (Encoding.VOCABULARY, Encoding.LABEL)


@dataclass(frozen=True)
class SchemaProposal:
    """A proposed schema.

    Attributes:
      schema: The schema.
      observed: What was seen of each feature, for people.
      num_examples: How many examples were looked at.
    """

    schema: schema_pb2.Schema
    observed: dict[str, str]
    num_examples: int

    def to_text(self, title: str) -> str:
        """The schema as a text proto, with what was seen as comments.

        Args:
          title: The first comment.
        """
        whole = schema_pb2.Schema(default_environment=self.schema.default_environment)
        parts = [
            f"# {title}\n# Proposed from {self.num_examples:,} examples; read it, and change what you know "
            "better.\n" + text_format.MessageToString(whole, as_utf8=True)
        ]
        for feature in self.schema.feature:
            text = text_format.MessageToString(schema_pb2.Schema(feature=[feature]), as_utf8=True)
            parts.append(f"# {self.observed[feature.name]}\n{text}")
        return "\n".join(parts)


def propose_schema(
    features: FeatureSet, stream: Stream, statistics: statistics_pb2.DatasetFeatureStatisticsList
) -> SchemaProposal:
    """Adds to the derived schema what the data show.

    Small vocabularies become domains, except those of ids and texts; ranges of numbers get a tenth of
    their width on each side, and never reach across zero; times only a beginning, since they go on; a
    feature that may be missing must be there nearly as often as it was. Histories, which list what other
    examples have as values of their own, are left as they are.

    Args:
      features: The declared features.
      stream: The stream.
      statistics: Of its examples, with at least `MAX_CATEGORIES` top values.
    """
    found = {feature_name(f): f for f in statistics.datasets[0].features}
    inferred = tfdv.infer_schema(statistics, infer_feature_shape=False, max_string_domain_size=MAX_CATEGORIES)
    num_examples = int(statistics.datasets[0].num_examples)
    schema, observed = derive_schema(features, stream), {}
    for proto, feature in zip(schema.feature, features.of(stream), strict=True):
        if feature.is_history:
            observed[feature.name] = "what the user's earlier events hold; not looked at"
            continue
        seen = found.get(feature.name)
        if seen is None or not num_examples:
            observed[feature.name] = "in no example"
            continue
        notes = [_limit_presence(proto, feature, seen, num_examples)]
        if feature.dtype == DType.STRING:
            notes.append(_limit_categories(proto, feature, seen, inferred))
        else:
            notes.append(_limit_range(proto, feature, seen))
        observed[feature.name] = ", ".join(filter(None, notes))
    return SchemaProposal(schema, observed, num_examples)


def _limit_presence(
    proto: schema_pb2.Feature,
    feature: Feature,
    seen: statistics_pb2.FeatureNameStatistics,
    num_examples: int,
) -> str:
    """Asks that a feature be there nearly as often as it was."""
    common = getattr(seen, str(seen.WhichOneof("stats"))).common_stats
    share = common.num_non_missing / num_examples
    least = math.floor(100 * (share - _PRESENCE_MARGIN)) / 100
    if not feature.required and least > 0:
        proto.presence.min_fraction = least
    return f"in {share:.1%} of the examples"


def _limit_categories(
    proto: schema_pb2.Feature,
    feature: Feature,
    seen: statistics_pb2.FeatureNameStatistics,
    inferred: schema_pb2.Schema,
) -> str:
    """Makes a small vocabulary a domain."""
    distinct = seen.string_stats.unique
    note = f"{distinct:,} distinct {'value' if distinct == 1 else 'values'}"
    if feature.name in (USER_ID, ITEM_ID) or feature.encoding not in _CATEGORIES:
        return note
    domains = {domain.name: domain for domain in inferred.string_domain}
    for guess in inferred.feature:
        if guess.name == feature.name and guess.domain in domains:
            proto.string_domain.value.extend(sorted(domains[guess.domain].value))
    return note


def _limit_range(
    proto: schema_pb2.Feature, feature: Feature, seen: statistics_pb2.FeatureNameStatistics
) -> str:
    """Gives a number a range, with room."""
    numbers = seen.num_stats
    if not numbers.common_stats.tot_num_values or feature.encoding == Encoding.VECTOR:
        return ""
    low, high = widened(numbers.min, numbers.max)
    if feature.dtype == DType.FLOAT:
        proto.float_domain.min, proto.float_domain.max = low, high
    else:
        proto.int_domain.min = math.floor(low)
        if feature.encoding != Encoding.TIME:
            proto.int_domain.max = math.ceil(high)
    return f"from {numbers.min:g} to {numbers.max:g}"


def widened(low: float, high: float) -> tuple[float, float]:
    """A range with room on both sides, rounded outwards to the margin's first digit.

    What is not negative stays so, and what is not positive.
    """
    margin = _RANGE_MARGIN * (high - low if high > low else max(abs(high), 1.0))
    step = 10.0 ** math.floor(math.log10(margin))
    digits = max(-round(math.log10(step)), 0)
    # To nine digits first: 0.6 / 0.1 is a little less than 6.
    wide_low = round(math.floor(round((low - margin) / step, 9)) * step, digits)
    wide_high = round(math.ceil(round((high + margin) / step, 9)) * step, digits)
    return (max(wide_low, 0.0) if low >= 0 else wide_low), (min(wide_high, 0.0) if high <= 0 else wide_high)
