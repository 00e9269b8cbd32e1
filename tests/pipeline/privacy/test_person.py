"""Which bytes betray a person, and which do not."""

import pytest

from pipeline.privacy.person import Person
from pipeline.privacy.pseudonyms import PseudonymKey
from tests.pipeline.privacy.small_run import example

KEY = PseudonymKey(bytes(32))


def _found(user_id, content):
    return Person.of(user_id, None).trace().search(content) is not None


def test_with_a_key_the_pseudonym_is_stored_and_the_id_is_looked_for_too():
    person = Person.of("ann", KEY)
    assert person.stored == KEY.pseudonym("ann")
    assert person.forms == (KEY.pseudonym("ann"), "ann")
    assert Person.of("ann", None).stored == "ann"


@pytest.mark.parametrize("user_id", ["7", "ann", "王", "ann@example.com", "x" * 300])
def test_an_examples_user_is_found_and_an_items_id_is_not_the_users(user_id):
    assert _found(user_id, example({"item_id": "9", "user_id": user_id, "title": "a"}))
    assert not _found(user_id, example({"item_id": "9", "user_id": user_id + "0"}))
    assert not _found(user_id, example({"item_id": "9", "user_id": "0" + user_id}))


def test_a_short_number_may_be_an_items():
    assert not _found("7", example({"item_id": "7", "user_id": "8"}))
    assert not _found("7", b"INFO step 7 of 17")
    assert Person.of("7", None).telling == ()
    assert Person.of("1700000000", None).telling == ()  # a time


@pytest.mark.parametrize(
    "content", [b"ann@example.com", b"user ann@example.com.", b"'ann@example.com':", b"\x0fann@example.comA"]
)
def test_a_long_id_is_found_as_a_word_or_a_protocol_buffers_string(content):
    assert _found("ann@example.com", content)


@pytest.mark.parametrize(
    "content",
    [b"joann@example.com", b"jo.ann@example.com", b"ann@example.com.au", b"ann@example.community"],
)
def test_part_of_another_id_is_somebody_else(content):
    assert not _found("ann@example.com", content)


def test_a_pseudonym_is_found_wherever_it_stands():
    pseudonym = KEY.pseudonym("7")
    assert Person.of("7", KEY).trace().search(b"abc" + pseudonym.encode() + b"def")


def test_words_of_a_text():
    assert Person.of("7", None).is_named_in(b"7,12,view")
    assert not Person.of("7", None).is_named_in(b"17,12,view")
    assert Person.of("王", None).is_named_in("王,12".encode())
    assert not Person.of("王", None).is_named_in("王小明,12".encode())
