"""Section: where the data break their schema, or have moved."""

from __future__ import annotations

from pathlib import Path

from schemas.features import Stream
from serving.report.blocks import MissingError, Section, Table, Text
from serving.report.run_files import RunFiles

_VALIDATORS = {"ExampleValidator": "schema", "DriftValidator": "drift or skew"}
_ANOMALIES_FILE = "SchemaDiff.pb"


def anomalies_section(run: RunFiles) -> Section:
    """A row for each anomaly that a validator found.

    Raises:
      MissingError: No validator ran.
    """
    rows, looked, missing = [], 0, ""
    for stream in Stream:
        for validator, against in _VALIDATORS.items():
            try:
                folder = run.folder(f"{stream.value}.{validator}", "anomalies")
            except MissingError as error:
                missing = str(error)
                continue
            looked += 1
            rows += [(stream.value, against, *anomaly) for anomaly in _read(folder)]
    if not looked:
        raise MissingError(missing)
    if not rows:
        return Section("anomalies", "Anomalies", (Text("The validators found none.", "good"),))
    headings = ("stream", "against", "split", "feature", "what is wrong")
    table = Table("Anomalies", headings, tuple(rows), texts=len(headings))
    return Section("anomalies", "Anomalies", (Text(f"{len(rows)} were found.", "bad"), table))


def _read(folder: Path) -> list[tuple[str, str, str]]:
    """Split, feature and reason of each anomaly of an artifact."""
    from pipeline.components.anomaly_gate import read_anomalies  # brings TFX

    found = []
    for path in sorted(folder.glob(f"Split-*/{_ANOMALIES_FILE}")):
        split = path.parent.name.removeprefix("Split-")
        for line in read_anomalies(str(path)):
            feature, _, reason = line.partition(": ")
            found.append((split, feature, reason))
    return found
