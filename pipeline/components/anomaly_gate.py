"""Stops a run whose examples break their schema."""

import os

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies

from pipeline.errors import AnomalyError

_ANOMALIES_FILE = "SchemaDiff.pb"  # ExampleValidator's name for a split's anomalies


@component
def AnomalyGate(  # noqa: N802  (a TFX component)
    interactions: InputArtifact[ExampleAnomalies],
    items: InputArtifact[ExampleAnomalies],
) -> None:
    """Fails if ExampleValidator found an anomaly in any split of either stream.

    Raises:
      AnomalyError: With a line for each anomaly: stream, split, feature and reason.
    """
    lines = []
    for stream, artifact in (("interactions", interactions), ("items", items)):
        for split in artifact_utils.decode_split_names(artifact.split_names):
            path = os.path.join(artifact.uri, f"Split-{split}", _ANOMALIES_FILE)
            lines += [f"{stream}/{split}: {line}" for line in read_anomalies(path)]
    if lines:
        raise AnomalyError(
            "the data break their schema; mend the data, or the schema if it is wrong:\n  "
            + "\n  ".join(lines)
        )


def read_anomalies(path: str) -> list[str]:
    """Anomalies of one split as lines of `feature: reason`.

    Args:
      path: A serialized `Anomalies` proto.
    """
    anomalies = anomalies_pb2.Anomalies.FromString(fileio.open(path, "rb").read())
    lines = [f"{name or '(data set)'}: {info.description}" for name, info in anomalies.anomaly_info.items()]
    if anomalies.HasField("dataset_anomaly_info"):
        lines.append(f"(data set): {anomalies.dataset_anomaly_info.description}")
    return sorted(lines)
