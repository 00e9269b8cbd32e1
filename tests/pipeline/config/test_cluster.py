"""The description of a training's machines."""

import json

import pytest

from pipeline.config.cluster import Cluster
from pipeline.config.environment import cluster
from pipeline.errors import InputError

WORKERS = {"worker": ["a:1", "b:2"]}
# As Vertex AI writes it, with keys that are of no interest here.
VERTEX = {"chief": ["c:1"], "worker": ["a:1", "b:2"], "ps": ["p:1"]}


def _cluster(machines, kind, index, **others):
    task = {"type": kind, "index": index}
    return Cluster.parse(json.dumps({"cluster": machines, "task": task, **others}), "TF_CONFIG")


@pytest.mark.parametrize(
    ("machines", "kind", "index", "is_chief", "rank", "address"),
    [
        (WORKERS, "worker", 0, True, 0, "a:1"),
        (WORKERS, "worker", 1, False, 1, "b:2"),
        (VERTEX, "chief", 0, True, 0, "c:1"),
        (VERTEX, "worker", 0, False, 1, "a:1"),
        (VERTEX, "worker", 1, False, 2, "b:2"),
    ],
)
def test_who_a_machine_is(machines, kind, index, is_chief, rank, address):
    found = _cluster(machines, kind, index, environment="cloud")
    assert (found.is_chief, found.rank, found.address) == (is_chief, rank, address)
    assert sum(map(len, found.training.values())) == len(machines["worker"]) + ("chief" in machines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("worker", "does not describe a cluster"),
        ('{"cluster": {"worker": ["a:1"]}}', "task: Field required"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "worker 1 is not there"),
        ('{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}', "'ps' trains nothing"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": -1}}', "task.index"),
    ],
)
def test_what_is_none_is_refused(text, message, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=message) as caught:
        cluster()
    assert str(caught.value).startswith("TF_CONFIG")


def test_there_may_be_none(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "")
    assert cluster() is None
    monkeypatch.delenv("TF_CONFIG")
    assert cluster() is None
