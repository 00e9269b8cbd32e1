"""What recstack reads from the environment."""

from pathlib import Path

from pipeline.config.environment import cache_dir


def test_the_cache_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("RECSTACK_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path


def test_by_default_the_cache_is_the_users(monkeypatch, tmp_path):
    monkeypatch.delenv("RECSTACK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir().name == "recstack"
    monkeypatch.setenv("RECSTACK_CACHE", "")
    assert cache_dir() != Path("")
