"""What ML Metadata has of each run of the pipeline: its steps, their parameters, and what they made."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pipeline.privacy.lineage import relative_uri

# As ml_metadata's protos number them.
_INPUT, _OUTPUT = 3, 4
_STATES = {1: "new", 2: "running", 3: "complete", 4: "failed", 5: "reused", 6: "cancelled"}
_RUN_TYPE, _NODE_TYPE = "pipeline_run", "node"


@dataclass(frozen=True)
class ArtifactRecord:
    """Something that a step made.

    Attributes:
      number: Its id.
      kind: Name of its type, such as `ExampleStatistics`.
      folder: Relative to the run's folder, `artifacts/...`.
    """

    number: int
    kind: str
    folder: str


@dataclass(frozen=True)
class ExecutionRecord:
    """A step that ran, or was answered from an earlier run.

    Attributes:
      number: Its id.
      node_id: The component's.
      state: `complete`, `reused`, `failed`, `running`, `new` or `cancelled`.
      started: When it was made known.
      ended: When its record last changed.
      parameters: Name to value, as text.
      inputs: Name to artifacts.
      outputs: Name to artifacts.
    """

    number: int
    node_id: str
    state: str
    started: datetime
    ended: datetime
    parameters: dict[str, str]
    inputs: dict[str, tuple[ArtifactRecord, ...]]
    outputs: dict[str, tuple[ArtifactRecord, ...]]


@dataclass(frozen=True)
class PipelineRun:
    """One run of a pipeline.

    Attributes:
      name: The moment that it began, as ISO text.
      executions: Its steps in the order of their ids.
    """

    name: str
    executions: tuple[ExecutionRecord, ...]

    def output(self, node_id: str, name: str) -> str | None:
        """Folder of a step's output, relative to the run's; `None` if the step did not make it."""
        for execution in reversed(self.executions):
            if execution.node_id == node_id and execution.outputs.get(name):
                return execution.outputs[name][-1].folder
        return None

    def execution(self, node_id: str) -> ExecutionRecord | None:
        """The last execution of a step; `None` if it did not come to that."""
        return next((e for e in reversed(self.executions) if e.node_id == node_id), None)


def read_pipeline_runs(metadata_file: Path) -> list[PipelineRun]:
    """All runs, the oldest first.

    Read by SQL, since ML Metadata's own client would bring TensorFlow in.

    Args:
      metadata_file: The SQLite database.

    Raises:
      sqlite3.Error: It is not such a database, or not there.
    """
    with closing(sqlite3.connect(f"file:{metadata_file}?mode=ro", uri=True)) as database:
        executions = _executions(database)
        runs = database.execute(
            "SELECT Context.name, execution_id FROM Context JOIN Type ON Type.id = Context.type_id "
            "JOIN Association ON Association.context_id = Context.id WHERE Type.name = ? "
            "ORDER BY Context.id, execution_id",
            [_RUN_TYPE],
        ).fetchall()
    members = defaultdict(list)
    for name, number in runs:
        members[name].append(executions[number])
    return [PipelineRun(name, tuple(found)) for name, found in members.items()]


def _executions(database: sqlite3.Connection) -> dict[int, ExecutionRecord]:
    """All executions by their ids."""
    nodes = _node_ids(database)
    parameters = _parameters(database)
    inputs, outputs = (_artifacts(database, direction) for direction in (_INPUT, _OUTPUT))
    rows = database.execute(
        "SELECT id, last_known_state, create_time_since_epoch, last_update_time_since_epoch FROM Execution"
    )
    return {
        number: ExecutionRecord(
            number,
            nodes.get(number, ""),
            _STATES.get(state, "unknown"),
            _moment(created),
            _moment(updated),
            parameters[number],
            inputs[number],
            outputs[number],
        )
        for number, state, created, updated in rows
    }


def _node_ids(database: sqlite3.Connection) -> dict[int, str]:
    """Execution to the id of its component: the context's name is `PIPELINE.NODE`."""
    rows = database.execute(
        "SELECT execution_id, Context.name FROM Association JOIN Context ON Context.id = context_id "
        "JOIN Type ON Type.id = Context.type_id WHERE Type.name = ?",
        [_NODE_TYPE],
    )
    return {number: name.partition(".")[2] for number, name in rows}


def _parameters(database: sqlite3.Connection) -> dict[int, dict[str, str]]:
    """Execution to its parameters; those between double underscores are TFX's own."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    rows = database.execute(
        "SELECT execution_id, name, COALESCE(string_value, int_value, double_value) FROM ExecutionProperty"
    )
    for number, name, value in rows:
        if not name.startswith("__") and value is not None:
            found[number][name] = str(value)
    return found


def _artifacts(
    database: sqlite3.Connection, direction: int
) -> dict[int, dict[str, tuple[ArtifactRecord, ...]]]:
    """Execution to the artifacts that it read or made, by the names under which it did."""
    found: dict[int, dict[str, tuple[ArtifactRecord, ...]]] = defaultdict(dict)
    rows = database.execute(
        "SELECT execution_id, step_key, Artifact.id, Type.name, uri FROM Event "
        "JOIN EventPath ON EventPath.event_id = Event.id AND NOT is_index_step "
        "JOIN Artifact ON Artifact.id = artifact_id JOIN Type ON Type.id = Artifact.type_id "
        "WHERE Event.type = ? ORDER BY Event.id",
        [direction],
    )
    for execution, name, number, kind, uri in rows:
        record = ArtifactRecord(number, kind, relative_uri(uri))
        found[execution][name] = (*found[execution].get(name, ()), record)
    return found


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
