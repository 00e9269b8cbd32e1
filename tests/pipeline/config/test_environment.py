"""What recstack reads from the environment."""

import json
from pathlib import Path

import pytest

from pipeline.config.environment import CLUSTER_VARIABLE, cache_dir, is_chief, pseudonym_key


def test_the_cache_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("RECSTACK_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path


def test_by_default_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv("RECSTACK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir().name == "recstack"
    monkeypatch.setenv("RECSTACK_CACHE", "")
    assert cache_dir() != Path("")


def test_an_empty_key_is_none(monkeypatch):
    monkeypatch.setenv("RECSTACK_PSEUDONYM_KEY", "")
    assert pseudonym_key() is None
    monkeypatch.setenv("RECSTACK_PSEUDONYM_KEY", "abc")
    assert pseudonym_key() == "abc"


@pytest.mark.parametrize("index", [0, 1])
def test_one_of_those_that_train_together_is_the_chief(monkeypatch, index):
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": index}}
    monkeypatch.setenv(CLUSTER_VARIABLE, json.dumps(cluster))
    assert is_chief() == (index == 0)


@pytest.mark.parametrize("text", [None, ""])
def test_who_trains_alone_is_the_chief(monkeypatch, text):
    monkeypatch.delenv(CLUSTER_VARIABLE, raising=False)
    if text is not None:
        monkeypatch.setenv(CLUSTER_VARIABLE, text)
    assert is_chief()
