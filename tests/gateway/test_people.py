"""A person's data: given out, and removed."""

import sqlite3

import pytest

from gateway.keys import CallerKeys, Scope, add_key
from tests.gateway.door import open_door

USER = "/v1/recommendations/user"
EXPORT, ERASE = "/v1/people/export", "/v1/people/erase"


def _event(number, user_id):
    return {"event_id": f"e{number}", "kind": "click", "user_id": user_id, "item_id": f"i{number}"}


@pytest.fixture
def door(tmp_path):
    """Two people who did something, each with a list."""
    with open_door(tmp_path, pseudonym=lambda user_id: f"p-{user_id}") as opened:
        opened.post("/v1/events", {"events": [_event(1, "ann"), _event(2, "ann"), _event(3, "ben")]})
        for user_id in ("ann", "ben"):
            opened.post(USER, {"user_id": user_id})
        opened.settle()
        yield opened


def test_a_person_gets_what_there_is_of_them_and_of_nobody_else(door):
    given = door.post(EXPORT, {"user_id": "ann"}).json()
    assert given["user"] == "p-ann"
    assert [event["item_id"] for event in given["events"]] == ["i1", "i2"]
    assert [event["item_id"] for event in given["session"]] == ["i1", "i2"]
    assert [served["kind"] for served in given["served"]] == ["user"]
    assert "ben" not in str(given)


def test_of_somebody_unknown_there_is_nothing(door):
    given = door.post(EXPORT, {"user_id": "cid"}).json()
    assert given == {"user": "p-cid", "events": [], "served": [], "session": []}
    assert door.post(ERASE, {"user_id": "cid"}).json()["removed"] == 0


def test_who_was_erased_is_nowhere_and_the_others_stay(door):
    assert door.post(ERASE, {"user_id": "ann"}).json()["removed"] == 3
    given = door.post(EXPORT, {"user_id": "ann"}).json()
    assert (given["events"], given["served"], given["session"]) == ([], [], [])
    assert len(door.post(EXPORT, {"user_id": "ben"}).json()["events"]) == 1
    answer = door.post(USER, {"user_id": "ann"}).json()
    assert answer["source"] == "model"  # not the list that their events had a part in
    assert door.models.calls[-1][2] == []


def test_their_bytes_are_gone_from_the_log(door, tmp_path):
    door.post(ERASE, {"user_id": "ann"})
    for path in (tmp_path / "events").rglob("*"):
        if path.is_file():
            assert b"p-ann" not in path.read_bytes(), path
    (database,) = (tmp_path / "events").glob("*.sqlite")
    with sqlite3.connect(database) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


def test_it_takes_a_key_of_its_own(tmp_path):
    file = tmp_path / "keys"
    shop = add_key(file, "shop", [Scope.RECOMMEND, Scope.EVENTS])
    desk = add_key(file, "desk", [Scope.PEOPLE])
    with open_door(tmp_path, keys=CallerKeys(file), keys_file=file) as door:
        for path in (EXPORT, ERASE):
            for key, status in ((shop, 403), (desk, 200)):
                headers = {"authorization": f"Bearer {key}"}
                assert door.post(path, {"user_id": "ann"}, headers=headers).status_code == status
