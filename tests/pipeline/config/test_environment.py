"""What recstack reads from the environment."""

from pathlib import Path

from pipeline.config.environment import cache_dir, pseudonym_key


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
