"""Events in a run's folder: a person is taken out of databases, their journals, and spans."""

import sqlite3

import pyarrow.parquet as pq

from pipeline.privacy.event_files import erase_from_events
from pipeline.privacy.person import Person
from schemas.feedback import KEY_METADATA
from tests.pipeline.feedback_span import write_feedback

ANN = "0123456789abcdef0123456789abcdef"


def _row(user):
    return {"user_id": user, "item_id": "i1", "timestamp": 1, "event_type": "click"}


def test_a_person_goes_and_others_stay(tmp_path):
    span = write_feedback(tmp_path / "spans", "2025-11-25", [_row(ANN), _row("bob"), _row(ANN)], "key")
    half = tmp_path / "spans" / ".2025-11-26.partial"
    half.mkdir()
    (half / "events.parquet").write_bytes(b"PAR1" + ANN.encode())
    log = tmp_path / "log" / "2025-11-25.sqlite"
    log.parent.mkdir()
    gateway = sqlite3.connect(log, isolation_level=None)  # which stays open, with a journal beside the file
    gateway.execute("PRAGMA journal_mode=WAL")
    gateway.execute("CREATE TABLE events (user_id TEXT)")
    gateway.executemany("INSERT INTO events VALUES (?)", [(ANN,), ("bob",)])
    assert ANN.encode() in log.with_name(f"{log.name}-wal").read_bytes()

    assert erase_from_events(tmp_path, Person((ANN, "ann"))) == 3
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if ANN.encode() in path.read_bytes()]
    assert pq.read_table(span)["user_id"].to_pylist() == ["bob"]
    assert pq.read_schema(span).metadata[KEY_METADATA] == b"key"
    assert gateway.execute("SELECT * FROM events").fetchall() == [("bob",)]
    gateway.close()
    assert erase_from_events(tmp_path, Person((ANN, "ann"))) == 0


def test_a_folder_that_is_not_there_holds_nobody(tmp_path):
    assert erase_from_events(tmp_path / "events", Person(("ann",))) == 0
