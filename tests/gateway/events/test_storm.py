"""A storm of events, and the process killed in the middle of it, again and again."""

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway.events.day_files import day_files
from gateway.events.event_log import Appended
from gateway.events.sqlite_log import record_of
from tests.gateway.events.samples import event
from tests.gateway.events.test_sqlite_log import ROOT, with_log

EVENTS, KILLS = 10_000, 5


def _killed(folder: Path, name: str, after: int) -> list[str]:
    """Starts a storm, kills it once so many events are acknowledged, and gives these."""
    command = [sys.executable, "-m", "tests.gateway.events.storm", folder, str(EVENTS), name]
    storm = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert storm.stdout is not None
    said = [storm.stdout.readline() for _ in range(after)]
    storm.send_signal(signal.SIGKILL)
    said += storm.stdout.readlines()
    storm.stdout.close()
    assert storm.wait() == -signal.SIGKILL
    return [line.strip() for line in said if line.endswith("\n")]


@pytest.mark.slow
def test_what_was_acknowledged_is_there_once_after_every_kill(tmp_path):
    chance = random.Random(0)
    acknowledged: set[str] = set()
    for kill in range(KILLS):
        acknowledged |= set(_killed(tmp_path, f"k{kill}", chance.randint(1, EVENTS // 4)))
        events = record_of(tmp_path, None, "ann").events
        kept = Counter(kept.event_id for kept in events)
        assert set(kept.values()) == {1}
        batches = Counter(kept.item_id for kept in events)
        assert all(
            int(batch.split(":")[1]) == count for batch, count in batches.items()
        )  # none is half there
        assert acknowledged <= set(kept)
    everything = [event(f"k{kill}.{number}") for kill in range(KILLS) for number in range(EVENTS)]
    missing = len(everything) - len(kept)
    assert with_log(tmp_path, lambda log: log.append(everything)) == Appended(missing, len(kept))
    assert with_log(tmp_path, lambda log: log.append(everything)) == Appended(0, len(everything))
    assert len(day_files(tmp_path)) == 1
