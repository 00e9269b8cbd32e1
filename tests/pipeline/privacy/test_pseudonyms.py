"""Pseudonyms: the right hash, and a key that does not get out."""

import base64
import hashlib
import hmac
import json
import logging
import pickle
import stat

import pyarrow as pa
import pytest

from pipeline.config.environment import PSEUDONYM_KEY_VARIABLE
from pipeline.errors import InputError
from pipeline.privacy.pseudonyms import PseudonymKey, write_key

SECRET = bytes(range(32))
IDS = ["ann", "Ann", "ann ", " ann", "王小明", "🙂", "\u00e9", "e\u0301", "", "a\nb"]


@pytest.fixture
def key():
    return PseudonymKey(SECRET)


@pytest.fixture(autouse=True)
def no_key_around(monkeypatch):
    monkeypatch.delenv(PSEUDONYM_KEY_VARIABLE, raising=False)


def _key_file(folder, text, mode=0o600):
    path = folder / "the.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_a_published_vector():
    # RFC 4231, test case 6: a key of 131 bytes.
    key = PseudonymKey(b"\xaa" * 131)
    published = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    assert key.pseudonym("Test Using Larger Than Block-Size Key - Hash Key First") == published[:32]


@pytest.mark.parametrize("user_id", IDS)
def test_the_standard_librarys_hmac_agrees(key, user_id):
    expected = hmac.new(SECRET, user_id.encode("utf-8"), hashlib.sha256).hexdigest()[:32]
    assert key.pseudonym(user_id) == expected


def test_ids_that_differ_in_anything_stay_different(key):
    assert len({key.pseudonym(user_id) for user_id in IDS}) == len(IDS)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([*IDS, None, *IDS]),
        pa.chunked_array([["ann", None], [], ["王小明", "ann"], ["ann"]], pa.string()),
        pa.chunked_array([], pa.string()),
        pa.array([None, None], pa.string()),
        pa.array(["ann", None], pa.large_string()),
        pa.array(["x", *IDS]).slice(1),
    ],
)
def test_a_column_is_hashed_value_by_value(key, column):
    expected = [None if user_id is None else key.pseudonym(user_id) for user_id in column.to_pylist()]
    found = key.pseudonyms(column)
    assert isinstance(found, pa.Array)
    assert found.type == pa.string()
    assert found.to_pylist() == expected


def test_each_distinct_id_is_hashed_once(key, monkeypatch):
    hashed = []
    monkeypatch.setattr(PseudonymKey, "pseudonym", lambda self, user_id: hashed.append(user_id) or "0" * 32)
    key.pseudonyms(pa.chunked_array([["a", "b"] * 50, ["b", "c"] * 50]))
    assert sorted(hashed) == ["a", "b", "c"]


def test_numbers_are_refused(key):
    with pytest.raises(TypeError, match="must be strings, not int64"):
        key.pseudonyms(pa.array([1, 2]))


def test_another_key_gives_other_pseudonyms(key):
    other = PseudonymKey(bytes(32))
    assert other.pseudonym("ann") != key.pseudonym("ann")
    assert other.fingerprint != key.fingerprint
    assert PseudonymKey(SECRET).fingerprint == key.fingerprint
    assert len(key.fingerprint) == 16


def test_the_key_travels_but_does_not_show(key, caplog):
    copy = pickle.loads(pickle.dumps(key))
    assert copy.pseudonym("ann") == key.pseudonym("ann")
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").info("%s %r", key, copy)
    with pytest.raises(TypeError) as raised:
        json.dumps({"key": key})
    for shown in (repr(key), str(copy), f"{key}", caplog.text, str(raised.value)):
        assert SECRET.hex()[:8] not in shown
        assert repr(SECRET)[2:10] not in shown


def test_no_key_is_no_key():
    assert PseudonymKey.load(None) is None


@pytest.mark.parametrize("text", [SECRET.hex(), SECRET.hex().upper(), base64.b64encode(SECRET).decode()])
def test_a_key_from_the_environment(key, monkeypatch, text):
    monkeypatch.setenv(PSEUDONYM_KEY_VARIABLE, f" {text}\n")
    assert PseudonymKey.load(None).fingerprint == key.fingerprint


def test_a_key_file_comes_before_the_environment(key, tmp_path, monkeypatch):
    monkeypatch.setenv(PSEUDONYM_KEY_VARIABLE, "ab" * 32)
    assert PseudonymKey.load(_key_file(tmp_path, SECRET.hex() + "\n")).fingerprint == key.fingerprint


def test_a_written_key_is_read_again_and_never_overwritten(tmp_path):
    path = tmp_path / "new.key"
    write_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = PseudonymKey.load(path)
    assert first is not None
    text = path.read_text()
    with pytest.raises(InputError, match="new.key is there already; a key is never overwritten") as raised:
        write_key(path)
    assert path.read_text() == text
    assert text.strip() not in str(raised.value)
    write_key(tmp_path / "other.key")
    assert PseudonymKey.load(tmp_path / "other.key").fingerprint != first.fingerprint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
def test_a_file_that_others_may_use_is_refused(tmp_path, mode):
    with pytest.raises(InputError, match=f"the.key has mode {mode:04o}, which lets others use it"):
        PseudonymKey.load(_key_file(tmp_path, SECRET.hex(), mode))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5ec4e7" * 5, "at least 32 bytes, not 15"),
        ("5ec4e7 is my key, of course, and it is long enough for one, is it not?", "is not a pseudonym key"),
        ("5ec4e7" * 10 + "5ec4e", "is not a pseudonym key"),
        ("5ec4e7ü" * 20, "is not a pseudonym key"),
        ("", "is not a pseudonym key"),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(tmp_path, monkeypatch, text, message):
    path = _key_file(tmp_path, text)
    with pytest.raises(InputError, match=message) as by_file:
        PseudonymKey.load(path)
    errors = [by_file]
    if text:
        monkeypatch.setenv(PSEUDONYM_KEY_VARIABLE, text)
        with pytest.raises(InputError, match=message) as by_variable:
            PseudonymKey.load(None)
        assert PSEUDONYM_KEY_VARIABLE in str(by_variable.value)
        errors.append(by_variable)
    for raised in errors:
        chain = (raised.value, raised.value.__cause__, raised.value.__context__)
        assert "5ec4e7" not in "".join(map(repr, chain))
        assert not any(isinstance(error, UnicodeError) for error in chain)  # it would hold the content


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot read the key file .*none.key: No such file"):
        PseudonymKey.load(tmp_path / "none.key")
    with pytest.raises(InputError, match="not a regular file"):
        PseudonymKey.load(tmp_path)


def test_a_key_cannot_be_written_to_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot write the key file"):
        write_key(tmp_path / "none" / "the.key")
