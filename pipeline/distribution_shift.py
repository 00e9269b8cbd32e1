"""Which distributions have moved farther than the schema allows."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from pipeline.statistics_files import count_values
from schemas.derive import SERVING

_MEASURED = (
    anomalies_pb2.AnomalyInfo.COMPARATOR_L_INFTY_HIGH,
    anomalies_pb2.AnomalyInfo.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH,
    anomalies_pb2.AnomalyInfo.COMPARATOR_NORMALIZED_ABSOLUTE_DIFFERENCE_HIGH,
)


class Shift(str, Enum):
    """What the examples are compared with."""

    DRIFT = "drift"  # earlier examples
    SKEW = "skew"  # requests


_VANISHED = {
    Shift.DRIFT: "the previous data have it, the current data do not.",
    Shift.SKEW: "the training data have it, the requests do not.",
}


def compared_features(schema: schema_pb2.Schema, shift: Shift) -> list[schema_pb2.Feature]:
    """The features of a schema that have a comparator for a shift; requests hold no labels."""
    return [
        feature
        for feature in schema.feature
        if feature.HasField(f"{shift.value}_comparator")
        and not (shift == Shift.SKEW and SERVING in feature.not_in_environment)
    ]


def find_shift(
    shift: Shift,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    reference: statistics_pb2.DatasetFeatureStatisticsList,
    schema: schema_pb2.Schema,
) -> anomalies_pb2.Anomalies:
    """Compares examples with a reference, by the comparators of their schema.

    TFDV measures. It says nothing of a feature that has vanished, and takes one that is new for an
    anomaly; here it is the other way round.

    Args:
      shift: What the reference is.
      statistics: Of the examples.
      reference: Of what they are compared with.
      schema: Says what is compared, and how far it may move.

    Returns:
      Nothing but shifts. Each description begins with `drift:` or `skew:`; `drift_skew_info` has what
      was measured, whether too far or not.
    """
    ours, theirs = count_values(statistics), count_values(reference)
    # What is gone: from the examples (drift), or on the way to the server (skew).
    before, after = (theirs, ours) if shift == Shift.DRIFT else (ours, theirs)
    features = [f for f in compared_features(schema, shift) if before.get(f.name)]
    measured = [f for f in features if after.get(f.name)]
    found = anomalies_pb2.Anomalies(baseline=schema)
    if measured:
        _measure(found, shift, statistics, reference, measured)
    for feature in features:
        if not after.get(feature.name):
            _add(
                found,
                shift,
                feature.name,
                anomalies_pb2.AnomalyInfo.Reason(
                    type=anomalies_pb2.AnomalyInfo.COMPARATOR_TREATMENT_DATA_MISSING,
                    short_description="Feature has vanished",
                    description=_VANISHED[shift],
                ),
            )
    return found


def merge_anomalies(parts: Iterable[anomalies_pb2.Anomalies]) -> anomalies_pb2.Anomalies:
    """One proto for several; of a feature that is in more than one, every reason stays."""
    merged = anomalies_pb2.Anomalies()
    for part in parts:
        merged.baseline.CopyFrom(part.baseline)
        merged.drift_skew_info.extend(part.drift_skew_info)
        for name, info in part.anomaly_info.items():
            _extend(merged.anomaly_info[name], info)
    return merged


def _measure(
    found: anomalies_pb2.Anomalies,
    shift: Shift,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    reference: statistics_pb2.DatasetFeatureStatisticsList,
    features: list[schema_pb2.Feature],
) -> None:
    """Adds what TFDV measures of features that both sides have."""
    name = "previous_statistics" if shift == Shift.DRIFT else "serving_statistics"
    result = tfdv.validate_statistics(statistics, schema_pb2.Schema(feature=features), **{name: reference})
    found.drift_skew_info.extend(result.drift_skew_info)
    for feature, info in sorted(result.anomaly_info.items()):
        for reason in info.reason:
            if reason.type in _MEASURED:
                _add(found, shift, feature, reason)


def _add(
    found: anomalies_pb2.Anomalies, shift: Shift, feature: str, reason: anomalies_pb2.AnomalyInfo.Reason
) -> None:
    """Adds a reason to a feature's anomaly."""
    info = anomalies_pb2.AnomalyInfo(
        severity=anomalies_pb2.AnomalyInfo.ERROR,
        short_description=reason.short_description,
        description=f"{shift.value}: {reason.description}",
        reason=[reason],
    )
    info.path.step.append(feature)
    _extend(found.anomaly_info[feature], info)


def _extend(into: anomalies_pb2.AnomalyInfo, info: anomalies_pb2.AnomalyInfo) -> None:
    """Adds an anomaly of the same feature; its texts are joined."""
    short = "; ".join(filter(None, [into.short_description, info.short_description]))
    text = " ".join(filter(None, [into.description, info.description]))
    reasons = [*into.reason, *info.reason]
    into.CopyFrom(info)
    into.short_description, into.description = short, text
    del into.reason[:]
    into.reason.extend(reasons)
