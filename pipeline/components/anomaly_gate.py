"""Stops a run whose examples break their schema, or have moved away from what was known."""

import os

from tfx.dsl.component.experimental.annotations import InputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleAnomalies

from pipeline.anomaly_lines import anomaly_lines
from pipeline.errors import AnomalyError, DriftError

_ANOMALIES_FILE = "SchemaDiff.pb"  # ExampleValidator's name for a split's anomalies


@component
def AnomalyGate(  # noqa: N802  (a TFX component)
    interactions: InputArtifact[ExampleAnomalies],
    items: InputArtifact[ExampleAnomalies],
    interactions_shift: InputArtifact[ExampleAnomalies],
    items_shift: InputArtifact[ExampleAnomalies],
) -> None:
    """Fails if ExampleValidator or DriftValidator found an anomaly in any split of either stream.

    Raises:
      AnomalyError: With a line for each anomaly: stream, split, feature and reason.
      DriftError: The same, if nothing breaks the schema.
    """
    broken = [*_lines("interactions", interactions), *_lines("items", items)]
    moved = [*_lines("interactions", interactions_shift), *_lines("items", items_shift)]
    paragraphs = []
    if broken:
        head = "the data break their schema; mend the data, or the schema if it is wrong:"
        paragraphs.append("\n  ".join([head, *broken]))
    if moved:
        head = (
            "the data have moved from what the served version learnt (drift), or are not what requests "
            "hold (skew); find out why, or raise the thresholds of the schema's comparators:"
        )
        paragraphs.append("\n  ".join([head, *moved]))
    if paragraphs:
        error = AnomalyError if broken else DriftError
        raise error("\n".join(paragraphs))


def anomalies_path(artifact_uri: str, split: str) -> str:
    """The file with a split's anomalies."""
    return os.path.join(artifact_uri, f"Split-{split}", _ANOMALIES_FILE)


def read_anomalies(path: str) -> list[str]:
    """Anomalies of one split as lines of `feature: reason`.

    Args:
      path: A serialized `Anomalies` proto.
    """
    return anomaly_lines(fileio.open(path, "rb").read())


def _lines(stream: str, artifact: ExampleAnomalies) -> list[str]:
    """Anomalies of all splits of a stream."""
    return [
        f"{stream}/{split}: {line}"
        for split in artifact_utils.decode_split_names(artifact.split_names)
        for line in read_anomalies(anomalies_path(artifact.uri, split))
    ]
