"""One person's rows in an SQLite database: found, and taken out."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.privacy.person import Person
from schemas.features import USER_ID

SUFFIX = ".sqlite"
_JOURNAL = "-wal"
_BUSY_SECONDS = 60


def journal_of(path: Path) -> Path:
    """Where SQLite writes changes of a database before they are in its file."""
    return path.with_name(path.name + _JOURNAL)


def database_of(path: Path) -> Path | None:
    """The database of a file that is one, or the journal of one; else `None`."""
    database = path.with_name(path.name.removesuffix(_JOURNAL))
    return database if database.suffix == SUFFIX else None


def database_holds(path: Path, person: Person) -> bool:
    """Whether a table of a database has rows of a person by its column `user_id`; a damaged one counts.

    Args:
      path: An SQLite database; others may write it meanwhile.
      person: The person.

    Raises:
      OSError: It cannot be read.
    """
    try:
        with _connected(path) as database:
            return any(
                database.execute(
                    f'SELECT 1 FROM "{table}" WHERE {_theirs(person)} LIMIT 1', person.forms
                ).fetchone()
                for table in _tables_of_people(database)
            )
    except sqlite3.OperationalError as error:
        raise _unusable(path, error) from error
    except sqlite3.DatabaseError:
        return True


def remove_database_rows(path: Path, person: Person) -> int:
    """Takes a person's rows out of a database, and out of what its file and journal keep of them.

    All rows go, or none; a kill before the end of the call may leave bytes of them, which a second call
    removes.

    Returns:
      How many rows were taken out.

    Raises:
      OSError: It cannot be written, or is no database.
    """
    try:
        with _connected(path) as database:
            database.execute("PRAGMA secure_delete=ON")
            database.execute("BEGIN IMMEDIATE")
            removed = sum(
                database.execute(f'DELETE FROM "{table}" WHERE {_theirs(person)}', person.forms).rowcount
                for table in _tables_of_people(database)
            )
            database.execute("COMMIT")
            # Pages that were split long ago may keep copies of rows: only writing all anew takes them out.
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return removed
    except sqlite3.DatabaseError as error:
        raise _unusable(path, error) from error


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
    )
    try:
        yield database
    finally:
        database.close()


def _tables_of_people(database: sqlite3.Connection) -> list[str]:
    rows = database.execute(
        "SELECT t.name FROM sqlite_master t, pragma_table_info(t.name) c "
        "WHERE t.type = 'table' AND c.name = ?",
        (USER_ID,),
    )
    return [row[0] for row in rows.fetchall()]


def _theirs(person: Person) -> str:
    return f"{USER_ID} IN ({', '.join('?' * len(person.forms))})"


def _unusable(path: Path, error: sqlite3.Error) -> OSError:
    return OSError(errno.EIO, f"cannot use the database {path}: {error}")
