"""Keys of callers."""

import pytest

from gateway.keys import Caller, CallerKeys, Scope, add_key
from pipeline.errors import InputError


def test_a_key_opens_what_it_was_made_for_and_is_not_in_the_file(tmp_path):
    file = tmp_path / "keys"
    shop = add_key(file, "shop", [Scope.RECOMMEND, Scope.EVENTS])
    desk = add_key(file, "desk", [Scope.PEOPLE])
    assert file.stat().st_mode & 0o777 == 0o600
    assert shop not in file.read_text()
    keys = CallerKeys(file)
    assert keys.caller(shop) == Caller("shop", frozenset({Scope.RECOMMEND, Scope.EVENTS}))
    assert keys.caller(desk) == Caller("desk", frozenset({Scope.PEOPLE}))
    for other in ("", shop[:-1], shop + "a", "rsk_", "\udcff"):
        assert keys.caller(other) is None


def test_a_line_that_is_taken_out_closes_the_door(tmp_path):
    file = tmp_path / "keys"
    shop = add_key(file, "shop", [Scope.EVENTS])
    add_key(file, "desk", [Scope.PEOPLE])
    file.write_text("".join(line for line in file.open() if not line.startswith("shop ")))
    assert CallerKeys(file).caller(shop) is None


@pytest.mark.parametrize("name", ["", "two words", "a" * 65, "x\ny", "é"])
def test_a_name_is_a_word(tmp_path, name):
    with pytest.raises(InputError, match="a key's name"):
        add_key(tmp_path / "keys", name, [Scope.EVENTS])
    assert not (tmp_path / "keys").exists()


def test_a_name_is_taken_once(tmp_path):
    add_key(tmp_path / "keys", "shop", [Scope.EVENTS])
    before = (tmp_path / "keys").read_text()
    with pytest.raises(InputError, match="a key named shop already"):
        add_key(tmp_path / "keys", "shop", [Scope.PEOPLE])
    assert (tmp_path / "keys").read_text() == before


@pytest.mark.parametrize("content", ["shop events", "shop all 00", "shop events 00 11"])
def test_a_damaged_file_is_refused_and_not_quoted(tmp_path, content):
    file = tmp_path / "keys"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(InputError, match="is damaged") as refused:
        CallerKeys(file)
    assert content not in str(refused.value)


def test_a_file_that_others_may_read_or_that_is_empty_is_refused(tmp_path):
    file = tmp_path / "keys"
    file.write_text("")
    file.chmod(0o600)
    with pytest.raises(InputError, match="holds no key"):
        CallerKeys(file)
    file.chmod(0o644)
    with pytest.raises(InputError, match="0644"):
        CallerKeys(file)
