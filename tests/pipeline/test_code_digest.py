"""Digests of our own source."""

from pipeline import code_digest as module
from pipeline.code_digest import code_digest


def test_the_digest_follows_the_source(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("x = 1")
    (tmp_path / "room" / "notes.txt").write_text("not code")
    before = code_digest("room")
    (tmp_path / "room" / "notes.txt").write_text("still not code")
    assert code_digest("room") == before
    (tmp_path / "room" / "a.py").write_text("x = 2")
    changed = code_digest("room")
    assert changed != before
    assert code_digest("room/a.py") == changed
    (tmp_path / "room" / "a.py").rename(tmp_path / "room" / "b.py")
    assert code_digest("room") != changed
