"""Anomalies, as people read them."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import anomalies_pb2


def anomaly_lines(serialized: bytes) -> list[str]:
    """Lines of `feature: reason`, sorted.

    Args:
      serialized: An `Anomalies` proto.
    """
    anomalies = anomalies_pb2.Anomalies.FromString(serialized)
    lines = [f"{name or '(data set)'}: {info.description}" for name, info in anomalies.anomaly_info.items()]
    if anomalies.HasField("dataset_anomaly_info"):
        lines.append(f"(data set): {anomalies.dataset_anomaly_info.description}")
    return sorted(lines)
