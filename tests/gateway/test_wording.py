"""Reasons in words."""

import pytest

from gateway.api.answers import Source
from gateway.wording import in_words, listed_items
from serving.client import Recommendation
from serving.client.reason import Reason

HISTORY = Reason("history", 0.8, ("i1", "i2"), ("Alien", "Aliens"))


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason("history", 0.8, ("i1",), ("Alien",)), "Because of Alien"),
        (HISTORY, "Because of Alien and Aliens"),
        (Reason("history", 0.8, ("1", "2", "3"), ("A", "B", "C")), "Because of A, B and C"),
        (
            Reason("category", 0.6, words=("item_genres=Sci-Fi", "item_genres=Horror")),
            "Sci-Fi and Horror, like 60% of what you chose",
        ),
        (Reason("text", 0.7), "Its description is like those of what you chose"),
        (Reason("similar_users", 0.2), "People who chose what you chose went on to this"),
    ],
)
def test_each_kind_has_its_words(reason, text):
    (said,) = in_words([reason])
    assert (said.kind, said.text, said.item_ids) == (reason.kind, text, reason.item_ids)


def test_what_says_most_comes_first():
    reasons = [Reason("text", 0.9), Reason("similar_users", 0.1), HISTORY]
    assert [said.kind for said in in_words(reasons)] == ["history", "similar_users", "text"]


def test_texts_that_are_hardly_alike_are_no_reason():
    assert [said.kind for said in in_words([Reason("text", 0.2)])] == ["popular"]


def test_without_a_reason_it_is_that_many_like_it():
    assert [said.kind for said in in_words([])] == ["popular"]


def test_a_popular_list_does_not_speak_of_the_person():
    item = Recommendation("i3", "Heat", 1, {}, reasons=(HISTORY,))
    ((said,),) = (listed.reasons for listed in listed_items([item], Source.POPULAR))
    assert said.kind == "popular"
