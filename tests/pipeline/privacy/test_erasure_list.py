"""The list of erased people: keeps them out, and names nobody."""

import json

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import InputError
from pipeline.privacy.erasure_list import ErasureList
from pipeline.privacy.person import Person
from pipeline.privacy.pseudonyms import PseudonymKey

KEY = PseudonymKey(bytes(32))
ANN = Person.of("ann", None)


def _erase(run_dir, *people, key=None):
    for user_id in people:
        ErasureList.load(run_dir).add(Person.of(user_id, key), key, set(), set())
    return ErasureList.load(run_dir)


def test_without_a_file_nobody_is_erased(tmp_path):
    people = ErasureList.load(tmp_path)
    assert people.digest() == ""
    assert people.find(ANN) is None
    assert not people.mask(pa.array(["ann", None])).any()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["ann", "bob", None, "Ann", "eve", "ann"]),
        pa.chunked_array([["ann", "bob", None], [], ["Ann", "eve", "ann"]], pa.string()),
    ],
)
def test_the_mask_is_true_for_erased_people(tmp_path, column):
    mask = _erase(tmp_path, "ann", "eve").mask(column)
    np.testing.assert_array_equal(mask, [True, False, False, False, True, True])
    assert mask.dtype == np.bool_


def test_the_mask_of_nothing(tmp_path):
    people = _erase(tmp_path, "ann")
    assert people.mask(pa.array([], pa.string())).shape == (0,)
    assert people.mask(pa.chunked_array([], pa.string())).shape == (0,)


def test_pseudonyms_are_masked_as_they_are_stored(tmp_path):
    people = _erase(tmp_path, "ann", key=KEY)
    np.testing.assert_array_equal(people.mask(KEY.pseudonyms(pa.array(["ann", "bob"]))), [True, False])
    assert not people.mask(pa.array(["ann"])).any()


def test_the_file_names_nobody(tmp_path):
    _erase(tmp_path, "ann@example.com", key=KEY)
    text = (tmp_path / "erased.json").read_text()
    assert "ann@example.com" not in text
    assert KEY.pseudonym("ann@example.com") not in text


def test_the_digest_changes_with_people_and_with_nothing_else(tmp_path):
    one = _erase(tmp_path, "ann").digest()
    assert _erase(tmp_path, "ann").digest() == one
    ErasureList.load(tmp_path).add(ANN, None, {"span"}, {"artifacts/a/b/1"})
    assert ErasureList.load(tmp_path).digest() == one
    assert _erase(tmp_path, "bob").digest() != one


def test_what_was_found_of_a_person_adds_up(tmp_path):
    ErasureList.load(tmp_path).add(ANN, None, {"s1"}, {"artifacts/a/b/1"})
    ErasureList.load(tmp_path).add(ANN, None, {"s2"}, {"artifacts/a/b/2"})
    entry = ErasureList.load(tmp_path).find(ANN)
    assert entry.spans == ("s1", "s2")
    assert list(entry.artifacts) == ["artifacts/a/b/1", "artifacts/a/b/2"]


def test_people_do_not_come_back_under_another_key(tmp_path):
    people = _erase(tmp_path, "ann", "bob", key=KEY)
    people.check(KEY)
    for other in (None, PseudonymKey(b"\1" * 32)):
        with pytest.raises(InputError, match="names 2 erased people by another pseudonym key"):
            people.check(other)


@pytest.mark.parametrize("text", ["junk", "[]", '{"format": 1}', '{"format": 1, "salt": "", "people": [{}]}'])
def test_a_damaged_list_is_not_taken_for_an_empty_one(tmp_path, text):
    (tmp_path / "erased.json").write_text(text)
    with pytest.raises(InputError, match="erased.json is not a list of erased people"):
        ErasureList.load(tmp_path)


def test_a_later_format(tmp_path):
    (tmp_path / "erased.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(InputError, match="has format 2, and this version reads 1"):
        ErasureList.load(tmp_path)
