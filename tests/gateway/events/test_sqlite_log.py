"""The log in SQLite: what is acknowledged is there, once, and nobody else's."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.events.day_file import DayFile
from gateway.events.day_files import day_files
from gateway.events.event_log import Appended, EventLogError
from gateway.events.sqlite_log import SqliteEventLog, erase_from, record_of
from tests.gateway.events.samples import DAY_MS, NOON_MS, Clock, event, served

ROOT = Path(__file__).parents[3]


def with_log(folder, work, **options):
    """Opens a log, awaits what `work` does with it, and closes it."""

    async def main():
        log = SqliteEventLog(folder, **{"clock": Clock(), **options})
        try:
            return await work(log)
        finally:
            await log.close()

    return asyncio.run(main())


def test_what_was_appended_is_there_after_opening_again(tmp_path):
    whole = event("e2", kind="rating", request_id="a" * 32, rank=2, value=4.5, dwell_seconds=3.0)
    answer = with_log(tmp_path, lambda log: log.append([event("e1"), whole]))
    assert answer == Appended(2, 0)
    with_log(tmp_path, lambda log: log.append_served(served()))
    record = with_log(tmp_path, lambda log: log.of_user("ann"))
    assert record.events == (event("e1"), whole)
    assert record.served == (served(),)


def test_an_event_counts_once(tmp_path):
    async def work(log):
        first = await log.append([event("e1"), event("e2"), event("e1")])
        return first, await log.append([event("e1"), event("e3")])

    assert with_log(tmp_path, work) == (Appended(2, 1), Appended(1, 1))
    assert len(record_of(tmp_path, None, "ann").events) == 3


def test_nothing_is_no_work(tmp_path):
    assert with_log(tmp_path, lambda log: log.append([])) == Appended(0, 0)


def test_an_event_counts_once_across_days(tmp_path):
    clock = Clock()

    async def work(log):
        answers = []
        for later in (0, DAY_MS, 3 * DAY_MS):
            clock.milliseconds = NOON_MS + later
            fresh = event(f"d{later}", time_ms=NOON_MS + later)
            answers.append(await log.append([event("e1"), fresh]))
        return answers

    assert with_log(tmp_path, work, clock=clock) == [Appended(2, 0), Appended(1, 1), Appended(1, 1)]
    assert [day.isoformat() for day in day_files(tmp_path)] == ["2025-11-25", "2025-11-26", "2025-11-28"]


def test_an_event_of_a_clock_that_was_ahead_is_found_when_it_comes_again(tmp_path):
    clock, ahead = Clock(), NOON_MS + DAY_MS - 1000
    early = event("e1", timestamp_ms=ahead)

    async def work(log):
        await log.append([early])
        clock.milliseconds = NOON_MS + DAY_MS
        return await log.append([early.model_copy(update={"received_ms": clock.milliseconds})])

    assert with_log(tmp_path, work, clock=clock) == Appended(0, 1)


def test_a_served_list_that_is_sent_again_stays_as_it_is(tmp_path):
    async def work(log):
        await log.append_served(served())
        await log.append_served(served(items=("i5",)))

    with_log(tmp_path, work)
    assert record_of(tmp_path, None, "ann").served == (served(),)


def test_a_day_that_is_sealed_takes_no_more(tmp_path):
    async def work(log):
        await log.append([event("e1")])
        file = DayFile(next(iter(day_files(tmp_path).values())), None)
        file.seal()
        file.close()
        return await log.append([event("e1"), event("e2")])

    assert with_log(tmp_path, work) == Appended(1, 1)
    assert [day.isoformat() for day in day_files(tmp_path)] == ["2025-11-25", "2025-11-26"]


def test_days_beyond_retention_are_dropped_whole(tmp_path):
    clock = Clock()

    async def work(log):
        for day in range(4):
            clock.milliseconds = NOON_MS + day * DAY_MS
            await log.append([event(f"e{day}", time_ms=clock.milliseconds)])

    (tmp_path / "notes.txt").write_text("mine")
    with_log(tmp_path, work, clock=clock, retention_days=1)
    assert [day.isoformat() for day in day_files(tmp_path)] == ["2025-11-27", "2025-11-28"]
    assert {path.name.split(".")[0] for path in tmp_path.glob("2025-*")} == {"2025-11-27", "2025-11-28"}
    assert (tmp_path / "notes.txt").is_file()


def test_the_files_are_their_owners_alone(tmp_path):
    async def work(log):
        await log.append([event()])
        return {path.name: path.stat().st_mode & 0o777 for path in folder.glob("2025-*")}

    folder = tmp_path / "log"
    before = os.umask(0)
    try:
        modes = with_log(folder, work)
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert "2025-11-25.sqlite-wal" in modes
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_file_that_was_never_finished_is_made_anew(tmp_path):
    for name in (".2025-11-25.sqlite.partial", ".2025-11-25.sqlite.partial-journal"):
        (tmp_path / name).write_bytes(b"the beginning of a database")
    assert with_log(tmp_path, lambda log: log.append([event()])) == Appended(1, 0)
    assert not list(tmp_path.glob(".*"))


def test_every_commit_is_synced(tmp_path):
    file = DayFile(tmp_path / "2025-11-25.sqlite", None, create=True)
    assert file._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert file._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()


def _damage(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(4096))


def _of_the_future(path):
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=9")


def _anothers(path):
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE cake (flour TEXT)")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_damage, "is damaged"),
        (lambda path: path.write_bytes(b"no database at all, and long enough to be one" * 20), "is damaged"),
        (_of_the_future, "version 9, and this program reads 1"),
        (_anothers, "is no event log"),
    ],
)
def test_a_file_that_is_damaged_or_anothers_is_refused(tmp_path, spoil, told):
    with_log(tmp_path, lambda log: log.append([event()]))
    path = tmp_path / "2025-11-25.sqlite"
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(EventLogError, match=told) as caught:
        SqliteEventLog(tmp_path, clock=Clock())
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before


def test_a_log_of_another_pseudonym_key_is_refused(tmp_path):
    with_log(tmp_path, lambda log: log.append([event()]), key="0123456789abcdef")
    with pytest.raises(EventLogError, match="key 0123456789abcdef, and the configuration has their raw ids"):
        SqliteEventLog(tmp_path, clock=Clock())


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EventLogError, match="cannot make the event log"):
        SqliteEventLog(tmp_path / "file" / "log")


def test_after_closing_nothing_is_taken(tmp_path):
    async def main():
        log = SqliteEventLog(tmp_path, clock=Clock())
        await log.close()
        await log.close()
        await log.append([event()])

    with pytest.raises(EventLogError, match="closed"):
        asyncio.run(main())


def test_a_full_disk_is_told_and_what_was_acknowledged_stays(tmp_path):
    command = [sys.executable, "-m", "tests.gateway.events.full_disk", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, cwd=ROOT)
    acknowledged, refused, after = (line.split() for line in done.stdout.splitlines())
    assert acknowledged
    assert len(refused) == 1
    assert after == ["1", "0"]
    kept = {kept.event_id for kept in record_of(tmp_path, None, "ann").events}
    assert kept == {*acknowledged, "after"}


def test_several_processes_may_write_one_log(tmp_path):
    command = [sys.executable, "-m", "tests.gateway.events.storm", tmp_path, "400"]
    writers = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True, cwd=ROOT) for name in ("a", "b")
    ]
    said = [writer.communicate(timeout=300)[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert [len(ids) for ids in said] == [400, 400]
    assert {kept.event_id for kept in record_of(tmp_path, None, "ann").events} == {*said[0], *said[1]}


@pytest.mark.parametrize("user", ["ann", "ann@example.org", "0123456789abcdef0123456789abcdef"])
def test_an_erased_user_is_in_no_byte_of_the_log(tmp_path, user):
    clock = Clock()

    async def work(log):
        for day in range(2):
            clock.milliseconds = NOON_MS + day * DAY_MS
            for number in range(100):
                theirs = event(f"{day}.{number}", time_ms=clock.milliseconds, user=user)
                others = event(f"{day}.{number}.o", time_ms=clock.milliseconds, user=f"another{number}")
                await log.append([theirs, others])
        await log.append_served(served(user=user))
        removed = await log.erase(user)
        left = b"".join(path.read_bytes() for path in tmp_path.glob("2025-*"))
        return (
            removed,
            left,
            await log.of_user(user),
            await log.append([event("new", time_ms=NOON_MS + DAY_MS)]),
        )

    removed, left, record, after = with_log(tmp_path, work, clock=clock)
    assert removed == 201
    assert user.encode() not in left
    assert (record.events, record.served) == ((), ())
    assert after == Appended(1, 0)
    assert len(record_of(tmp_path, None, "another7").events) == 2
    assert erase_from(tmp_path, user) == (1 if user == "ann" else 0)
