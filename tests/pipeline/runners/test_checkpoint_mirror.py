"""Checkpoints that outlive a machine."""

import threading
import time
import uuid

import pytest

from pipeline.errors import InputError
from pipeline.object_store import ObjectStore
from pipeline.runners.checkpoint_mirror import CheckpointMirror

SECONDS = 120  # until a test gives up


@pytest.fixture
def store():
    return ObjectStore(f"memory://{uuid.uuid4().hex}")


def test_checkpoints_follow_into_the_store_and_come_back(store, tmp_path):
    first = CheckpointMirror(tmp_path / "a", store.at("checkpoints"), seconds=0.05)
    first.start()
    (tmp_path / "a" / "k").mkdir()
    (tmp_path / "a" / "k" / "checkpoint").write_bytes(b"epoch 1")
    (tmp_path / "a" / "k" / "checkpoint.partial").write_bytes(b"half of")
    _await(lambda: store.read("checkpoints/k/checkpoint") == b"epoch 1")
    first.stop()  # the machine is gone
    assert store.names("checkpoints") == ["checkpoints/k/checkpoint"]

    second = CheckpointMirror(tmp_path / "b", store.at("checkpoints"), seconds=3600)
    second.start()
    assert (tmp_path / "b" / "k" / "checkpoint").read_bytes() == b"epoch 1"
    (tmp_path / "b" / "k" / "checkpoint").unlink()  # the training is done
    second.copy()
    assert store.names("checkpoints") == []


def test_a_store_that_fails_for_a_while_does_not_end_a_training(store, tmp_path, monkeypatch):
    write, failed = ObjectStore.write, threading.Event()

    def fail_once(self, name, contents):
        if not failed.is_set():
            failed.set()
            raise InputError("the network is down")
        write(self, name, contents)

    monkeypatch.setattr(ObjectStore, "write", fail_once)
    mirror = CheckpointMirror(tmp_path / "a", store.at("checkpoints"), seconds=0.05)
    mirror.start()
    (tmp_path / "a" / "checkpoint").write_bytes(b"epoch 1")
    _await(lambda: store.read("checkpoints/checkpoint") == b"epoch 1")
    mirror.stop()
    assert failed.is_set()


def _await(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
