"""Works that wait are written together; each caller is told what became of theirs."""

import threading

import pytest

from gateway.events.event_log import EventLogError
from gateway.events.group_commit import GroupCommit

SECONDS = 120


class _Disk:
    """Writes when it is let, and remembers the groups."""

    def __init__(self):
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.groups = []

    def __call__(self, works):
        self.groups.append(list(works))
        self.begun.set()
        assert self.may_go_on.wait(SECONDS)
        if "bad" in works:
            raise EventLogError("the disk is full")
        return [work.upper() for work in works]


@pytest.fixture
def disk():
    return _Disk()


def _started(disk, **options):
    """A group commit that is writing `first`."""
    commits = GroupCommit(disk, **options)
    first = commits.submit("first")
    assert disk.begun.wait(SECONDS)
    return commits, first


def test_what_waits_while_another_is_written_is_one_group(disk):
    commits, first = _started(disk)
    others = [commits.submit(work) for work in "abc"]
    disk.may_go_on.set()
    assert [first.result(SECONDS), *(other.result(SECONDS) for other in others)] == ["FIRST", "A", "B", "C"]
    commits.close()
    assert disk.groups == [["first"], ["a", "b", "c"]]


def test_a_group_has_a_largest_size(disk):
    commits, _ = _started(disk, max_group=2)
    last = [commits.submit(work) for work in "abc"][-1]
    disk.may_go_on.set()
    assert last.result(SECONDS) == "C"
    commits.close()
    assert disk.groups == [["first"], ["a", "b"], ["c"]]


def test_a_group_that_fails_is_told_to_all_its_callers_and_to_no_others(disk):
    commits, first = _started(disk)
    group = [commits.submit(work) for work in ("a", "bad")]
    disk.may_go_on.set()
    assert first.result(SECONDS) == "FIRST"
    for future in group:
        with pytest.raises(EventLogError, match="the disk is full"):
            future.result(SECONDS)
    assert commits.submit("later").result(SECONDS) == "LATER"
    commits.close()


def test_what_is_cancelled_in_time_is_left_out(disk):
    commits, first = _started(disk)
    given_up, kept = commits.submit("a"), commits.submit("b")
    assert given_up.cancel()
    assert not first.cancel()  # it is being written
    disk.may_go_on.set()
    assert kept.result(SECONDS) == "B"
    commits.close()
    assert disk.groups == [["first"], ["b"]]


def test_more_than_may_wait_is_refused(disk):
    commits, _ = _started(disk, max_waiting=2)
    waiting = [commits.submit(work) for work in "ab"]
    with pytest.raises(EventLogError, match="2 writes wait already"):
        commits.submit("c")
    disk.may_go_on.set()
    assert [future.result(SECONDS) for future in waiting] == ["A", "B"]
    commits.close()


def test_closing_writes_what_waits(disk):
    commits, _ = _started(disk)
    waiting = commits.submit("a")
    disk.may_go_on.set()
    commits.close()
    assert waiting.done()
    with pytest.raises(EventLogError, match="closed"):
        commits.submit("b")
