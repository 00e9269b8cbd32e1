"""Digests of files, against coreutils."""

import hashlib
import subprocess

from serving.file_digests import combined_digest, file_digest, folder_digests


def test_a_folder_is_the_digest_of_what_sha256sum_lists(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x y").write_bytes(b"x" * (2**22 + 1))
    (tmp_path / "a").write_bytes(b"")
    listed = subprocess.run(["sha256sum", "a", "b/x y"], cwd=tmp_path, capture_output=True, check=True).stdout
    files = folder_digests(tmp_path)
    assert [(name, file.size) for name, file in files.items()] == [("a", 0), ("b/x y", 2**22 + 1)]
    assert combined_digest(files) == hashlib.sha256(listed).hexdigest()
    assert file_digest(tmp_path / "a") == files["a"]


def test_no_file_has_a_digest_too():
    assert combined_digest({}) == hashlib.sha256(b"").hexdigest()
