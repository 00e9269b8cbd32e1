"""`recstack data key`, `seal` and `unseal`."""

import re
import stat

from tests.e2e.conftest import recstack


def test_seal_and_unseal(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "a.txt").write_text("hello")
    done = recstack("data", "key", "--kind", "age", "--output", "me.key", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    recipient = re.search(r"^age1\S+$", done.stdout, flags=re.MULTILINE).group()
    assert "SECRET" not in done.stdout
    done = recstack("data", "seal", "bundle", "--recipient", recipient, "--output", "b.age", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = recstack("data", "unseal", "b.age", "--identity", "me.key", "--output", "back", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "back" / "a.txt").read_text() == "hello"
    done = recstack("data", "unseal", "b.age", "--identity", "me.key", "--output", "back", cwd=tmp_path)
    assert done.returncode == 2
    assert "error: back is there already" in done.stderr


def test_a_pseudonym_key_is_written_and_not_shown(tmp_path):
    done = recstack("data", "key", "--output", "ids.key", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "fingerprint" in done.stdout
    assert (tmp_path / "ids.key").read_text().strip() not in done.stdout
    assert stat.S_IMODE((tmp_path / "ids.key").stat().st_mode) == 0o600
    again = recstack("data", "key", "--output", "ids.key", cwd=tmp_path)
    assert again.returncode == 2
    assert "a key is never overwritten" in again.stderr


def test_sealing_to_nobody(tmp_path):
    (tmp_path / "a.txt").write_text("hello")
    done = recstack("data", "seal", "a.txt", "--output", "a.age", cwd=tmp_path)
    assert done.returncode == 2
    assert "at least one --recipient" in done.stderr
