"""A gateway that means are tried on."""

import re
import sqlite3
from contextlib import closing

from gateway.events.day_files import day_files
from gateway.guard import ACCESS_LOGGER
from tests.gateway.hostile import MARK

# All that a gateway writes into its folder.
OWN_FILES = re.compile(r"gateway(/popular\.json|/events(/log\.lock|/\d{4}-\d\d-\d\d\.sqlite(-wal|-shm)?)?)?")
TABLES = {("log",), ("events",), ("served",)}


class Abused:
    """A gateway whose every answer is looked at."""

    def __init__(self, door, lines, folder):
        self.door, self.lines, self.folder = door, lines, folder

    def post(self, path, body, **arguments):
        return self.seen(self.door.post(path, body, **arguments))

    def seen(self, answer):
        """An answer, once it and its line in the log were found to be harmless."""
        assert answer.status_code < 500, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert MARK not in str(answer.headers)
        answer.json()
        self.door.settle()
        lines = self.lines.take()
        assert [line["logger"] for line in lines] == [ACCESS_LOGGER]
        assert (lines[0]["status"], MARK in str(lines).lower()) == (answer.status_code, False)
        return answer

    def rows(self, query, *parameters):
        """What a query finds in the databases, which are found to be whole; at midnight there are two."""
        rows = []
        for path in day_files(self.folder / "gateway" / "events").values():
            with closing(sqlite3.connect(path)) as database:
                assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                assert set(database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")) == TABLES
                rows += database.execute(query, parameters).fetchall()
        return rows

    def strangers(self):
        """Files that no gateway writes."""
        names = [path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*")]
        return [name for name in names if not OWN_FILES.fullmatch(name)]
