"""Files are replaced whole or not at all."""

import pytest

from pipeline.files import replaced


def test_a_file_is_replaced_and_keeps_its_permissions(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o600)
    with replaced(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(TypeError), replaced(path) as file:
        file.writelines([b"half", 7])
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
