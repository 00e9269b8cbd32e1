"""ML Metadata's tables with a run of a few steps, as TFX leaves them."""

import sqlite3
from contextlib import closing
from pathlib import Path

_TABLES = """
CREATE TABLE Type (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE Context (id INTEGER PRIMARY KEY, type_id INT, name TEXT);
CREATE TABLE Association (context_id INT, execution_id INT);
CREATE TABLE Execution (id INTEGER PRIMARY KEY, type_id INT, last_known_state INT,
  create_time_since_epoch INT, last_update_time_since_epoch INT);
CREATE TABLE ExecutionProperty (execution_id INT, name TEXT, string_value TEXT, int_value INT,
  double_value DOUBLE);
CREATE TABLE Artifact (id INTEGER PRIMARY KEY, type_id INT, uri TEXT);
CREATE TABLE Event (id INTEGER PRIMARY KEY, artifact_id INT, execution_id INT, type INT);
CREATE TABLE EventPath (event_id INT, is_index_step INT, step_index INT, step_key TEXT);
INSERT INTO Type VALUES (1, 'pipeline_run'), (2, 'node'), (3, 'Thing');
"""
COMPLETE, FAILED, CACHED = 3, 4, 5
_INPUT, _OUTPUT = 3, 4


class SmallMetadata:
    """A database that steps are added to; each takes ten seconds."""

    def __init__(self, path: Path):
        self.path = path
        self.seconds = 1_700_000_000
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database, database:
            database.executescript(_TABLES)

    def add(self, run, node_id, outputs=(), inputs=(), state=COMPLETE, parameters=None, pipeline="small"):
        """Adds a step to a run; gives the execution's id, which is that of its new artifacts' folders too.

        Args:
          run: Name of the run.
          node_id: Of the component.
          outputs: Names of outputs; each gets the folder `artifacts/NODE/OUTPUT/EXECUTION`.
          inputs: Ids of artifacts.
          state: Of the execution.
          parameters: Name to text.
          pipeline: Name of the pipeline.
        """
        with closing(sqlite3.connect(self.path)) as database, database:
            number = database.execute(
                "INSERT INTO Execution VALUES (NULL, 3, ?, ?, ?)",
                [state, self.seconds * 1000, (self.seconds + 10) * 1000],
            ).lastrowid
            self.seconds += 10
            for kind, name in ((1, run), (2, f"{pipeline}.{node_id}")):
                _associate(database, kind, name, number)
            for name, text in (parameters or {}).items():
                database.execute(
                    "INSERT INTO ExecutionProperty VALUES (?, ?, ?, NULL, NULL)", [number, name, text]
                )
            for output in outputs:
                uri = f"/elsewhere/artifacts/{node_id}/{output}/{number}"
                artifact = database.execute("INSERT INTO Artifact VALUES (NULL, 3, ?)", [uri]).lastrowid
                _event(database, artifact, number, _OUTPUT, output)
            for artifact in inputs:
                _event(database, artifact, number, _INPUT, "input")
        return number


def _associate(database, kind, name, execution):
    found = database.execute("SELECT id FROM Context WHERE type_id = ? AND name = ?", [kind, name]).fetchone()
    context = (
        found[0]
        if found
        else database.execute("INSERT INTO Context VALUES (NULL, ?, ?)", [kind, name]).lastrowid
    )
    database.execute("INSERT INTO Association VALUES (?, ?)", [context, execution])


def _event(database, artifact, execution, direction, name):
    event = database.execute(
        "INSERT INTO Event VALUES (NULL, ?, ?, ?)", [artifact, execution, direction]
    ).lastrowid
    database.execute("INSERT INTO EventPath VALUES (?, 0, NULL, ?), (?, 1, 0, NULL)", [event, name, event])
