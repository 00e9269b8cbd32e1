"""A person's rows in an SQLite database."""

import sqlite3

import pytest

from pipeline.privacy.database_rows import (
    database_holds,
    database_of,
    journal_of,
    remove_database_rows,
)
from pipeline.privacy.person import Person
from pipeline.privacy.traces import holds_person


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "log.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE events (user_id TEXT, item_id TEXT)")
        connection.execute("CREATE TABLE items (item_id TEXT)")
        connection.executemany("INSERT INTO events VALUES (?, ?)", [("ann", "i1"), ("bob", "ann")])
        connection.execute("INSERT INTO items VALUES ('ann')")
    connection.close()
    return path


def test_rows_are_found_by_the_user_alone_and_taken_out(database):
    assert database_holds(database, Person(("ann",)))
    assert holds_person(database, Person(("ann",)))
    assert not database_holds(database, Person(("i1",)))
    assert remove_database_rows(database, Person(("x", "ann"))) == 1
    assert not holds_person(database, Person(("ann",)))
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT * FROM events").fetchall() == [("bob", "ann")]


def test_a_damaged_database_counts_as_one_that_holds_everybody(tmp_path):
    path = tmp_path / "log.sqlite"
    path.write_bytes(b"anything but a database" * 100)
    assert database_holds(path, Person(("ann",)))
    with pytest.raises(OSError, match="cannot use the database"):
        remove_database_rows(path, Person(("ann",)))


def test_a_database_that_is_not_there_cannot_be_used(tmp_path):
    with pytest.raises(OSError, match="cannot use the database"):
        database_holds(tmp_path / "log.sqlite", Person(("ann",)))


def test_a_journal_belongs_to_its_database(database):
    assert database_of(journal_of(database)) == database
    assert database_of(database) == database
    assert database_of(database.with_name("rows.parquet")) is None
