"""What was made of what, by ML Metadata's own records."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path, PurePosixPath

ARTIFACTS = "artifacts"

# Types of an Event, as ml_metadata's proto numbers them.
_INPUT, _OUTPUT = 3, 4
_DESCENDANTS = f"""
WITH RECURSIVE reached(id) AS (
  SELECT id FROM Artifact WHERE id IN (SELECT value FROM json_each(?))
  UNION
  SELECT made.artifact_id
  FROM reached
  JOIN Event AS used ON used.artifact_id = reached.id AND used.type = {_INPUT}
  JOIN Event AS made ON made.execution_id = used.execution_id AND made.type = {_OUTPUT}
)
SELECT uri FROM Artifact JOIN reached USING (id)
"""


def descendants(metadata_file: Path, folders: set[str]) -> set[str]:
    """Artifacts that were made of others, directly or by way of more.

    Read by SQL, since ML Metadata's own client would bring TensorFlow in.

    Args:
      metadata_file: The SQLite database.
      folders: The artifacts' folders, relative to the run's (`artifacts/...`); the run's folder may have
        moved since.

    Returns:
      Their folders and those of what was made of them, relative to the run's.

    Raises:
      sqlite3.Error: It is not such a database.
    """
    with closing(sqlite3.connect(f"file:{metadata_file}?mode=ro", uri=True)) as database:
        artifacts = database.execute("SELECT id, uri FROM Artifact").fetchall()
        known = [number for number, uri in artifacts if relative_uri(uri) in folders]
        reached = database.execute(_DESCENDANTS, [json.dumps(known)])
        return folders | {relative_uri(uri) for (uri,) in reached}


def relative_uri(uri: str | None) -> str:
    """An artifact's URI from its last `artifacts` on; empty if there is none."""
    parts = PurePosixPath(uri or "").parts
    if ARTIFACTS not in parts:
        return ""
    start = len(parts) - 1 - parts[::-1].index(ARTIFACTS)
    return PurePosixPath(*parts[start:]).as_posix()
