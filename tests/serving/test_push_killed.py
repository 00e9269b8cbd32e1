"""Pushes that are killed by SIGKILL, at each of their steps and while somebody reads."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.layout import versions
from serving.push import push
from serving.tf_serving.labels import Labels, read_labels
from tests.serving.pushed import check_whole, write_export

ROOT = Path(__file__).resolve().parents[2]

# For each change that a push makes to its destination: a child that is killed just before it. In a process of
# its own, since forking is safe where no library has threads. A kill, unlike a lost disk, needs no fsync.
KILLED_AT_EACH_STEP = """
import os, shutil, signal, sys
from pathlib import Path
from serving.push import push
import tensorflow_serving.config.model_server_config_pb2

before, bundle, served = map(Path, sys.argv[1:])
CHANGES = {"os.rename", "os.symlink", "os.mkdir", "os.remove", "os.rmdir"}
WRITING = os.O_WRONLY | os.O_RDWR
os.fsync = lambda descriptor: None

def push_until(change):
    left = change
    def hook(event, arguments):
        nonlocal left
        writes = event == "open" and arguments[2] & WRITING
        if (writes or event in CHANGES) and str(served) in " ".join(map(str, arguments)):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    push(bundle, served, {"recall": 0.5})

for change in range(10_000):
    shutil.copytree(before, served, symlinks=True)
    child = os.fork()
    if not child:
        push_until(change)
        os._exit(0)
    ended_well = os.waitpid(child, 0)[1] == 0
    print(change, flush=True)
    sys.stdin.readline()  # until that was looked at
    shutil.rmtree(served)
    if ended_well:
        break
"""

KILLED_AT_ANY_TIME = """
import os, random, signal, sys, time
from pathlib import Path
from serving.push import push
import tensorflow_serving.config.model_server_config_pb2

*bundles, served = map(Path, sys.argv[1:])
since = time.monotonic()
push(bundles[1], served)
took = time.monotonic() - since
draw = random.Random(42)
for turn in range(20):
    child = os.fork()
    if not child:
        push(bundles[turn % 2], served)
        os._exit(0)
    time.sleep(draw.uniform(0, 1.5 * took))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_whole_versions_and_the_next_push_ends_the_job(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    before, served = tmp_path / "before", tmp_path / "served"
    push(write_export(tmp_path / "a", "one"), served)
    served.rename(before)
    bundle = write_export(tmp_path / "b", "two")
    command = [sys.executable, "-c", KILLED_AT_EACH_STEP, str(before), str(bundle), str(served)]
    changes, states = 0, set()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        for _ in process.stdout:
            changes += 1
            check_whole(served)
            states.add((len(versions(served)), read_labels(served).canary))
            assert push(bundle, served) == 2
            check_whole(served)
            assert read_labels(served) == Labels(stable=1, canary=2)
            assert (served / "README.md").read_text().startswith("of two")
            process.stdin.write("\n")
            process.stdin.flush()
    assert process.returncode == 0
    assert changes > 40
    assert states == {(1, 1), (2, 1), (2, 2)}  # nothing yet; a version, but no label; all


def test_a_reader_sees_whole_versions_only_while_pushes_are_killed(tmp_path):
    size = 200_000
    bundles = [write_export(tmp_path / name, name, size) for name in ("a", "b")]
    served = tmp_path / "served"
    push(bundles[0], served)
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_AT_ANY_TIME, *map(str, bundles), str(served)], cwd=ROOT
    ) as process:
        while process.poll() is None:
            check_whole(served, size)
            time.sleep(0.005)
    assert process.returncode == 0
    assert 2 < len(versions(served)) < 22  # some were killed in time, and some not
    push(write_export(tmp_path / "c", "c", size), served)
    check_whole(served, size)
