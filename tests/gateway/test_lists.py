"""Lists: what the models are asked, what is given again, and what is given instead."""

import asyncio
import pickle
import time

import grpc
import pytest

import gateway.deadline
from serving.client import DeadlineError
from tests.gateway.door import open_door

USER = "/v1/recommendations/user"


@pytest.fixture
def door(tmp_path):
    with open_door(tmp_path) as opened:
        yield opened


def _event(number, item_id, kind="click", user_id="u1", **fields):
    return {"event_id": f"e{number}", "kind": kind, "user_id": user_id, "item_id": item_id, **fields}


def _ids(response):
    assert response.status_code == 200, response.text
    return [item["item_id"] for item in response.json()["items"]]


def test_a_list_for_a_user(door):
    answer = door.post(USER, {"user_id": "u1", "k": 3}).json()
    assert [item["item_id"] for item in answer["items"]] == ["i0", "i1", "i2"]
    assert [item["rank"] for item in answer["items"]] == [1, 2, 3]
    assert answer["source"] == "model"
    assert answer["model_version"] == 3
    assert answer["known"] is True
    assert len(answer["request_id"]) == 32


def test_a_request_that_waited_too_long_is_not_handed_to_the_models(tmp_path, monkeypatch):
    """Where more comes in than can be done, what is late already must not make the others late."""
    moment = [0.0]
    monkeypatch.setattr(gateway.deadline, "clock", lambda: moment[0])

    with open_door(tmp_path, deadline_ms=60_000) as door:
        session_of = door.gateway.sessions.of

        async def of(user):
            moment[0] += 61 if user == "u0" else 0
            return await session_of(user)

        monkeypatch.setattr(door.gateway.sessions, "of", of)
        late = door.post(USER, {"user_id": "u0", "k": 3})
        assert (late.json()["source"], _ids(late)) == ("popular", ["i0", "i1", "i2"])
        assert door.models.calls == []
        assert door.post(USER, {"user_id": "u1"}).json()["source"] == "model"


def test_a_version_that_is_late_takes_no_room_from_another(tmp_path, monkeypatch):
    with open_door(tmp_path, deadline_ms=60_000) as door:
        asked = door.models.for_user

        async def for_user(user, events, controls, label, timestamp):
            if label == "canary":
                raise DeadlineError(grpc.StatusCode.DEADLINE_EXCEEDED, "late")
            return await asked(user, events, controls, label, timestamp)

        monkeypatch.setattr(door.models, "for_user", for_user)
        for label, source in (("canary", "popular"), ("stable", "model")):
            assert door.post(USER, {"user_id": "u1", "label": label}).json()["source"] == source
        room = {label: one.limit for label, one in door.gateway.recommending._admissions.items()}
        assert room == {"canary": 16, "stable": 32}


def test_what_is_kept_of_a_list_does_not_grow_with_what_was_excluded(door):
    body = {"user_id": "u1", "k": 1, "exclude_item_ids": ["x" * 200 + str(i) for i in range(1000)]}
    for _ in range(2):
        answer = door.post(USER, body).json()
    assert answer["source"] == "cache"
    assert len(pickle.dumps(list(door.gateway.recommending._cache.items()))) < 10_000
    first, again = door.served("u1")
    assert first.controls == again.controls
    assert len(first.controls["exclude"]) == 1000
    assert first.controls["seed"] == door.models.calls[-1][3].seed


def test_controls_reach_the_models(door):
    body = {
        "user_id": "u1",
        "k": 4,
        "exclude_item_ids": ["i1"],
        "allow_categories": ["item_genre=Comedy"],
        "deny_categories": ["item_genre=Drama"],
        "diversity": 0.5,
    }
    assert _ids(door.post(USER, body)) == ["i0", "i2", "i3", "i4"]
    ((_, _, _, controls),) = door.models.calls
    assert controls.allow == ("item_genre=Comedy",)
    assert controls.deny == ("item_genre=Drama",)
    assert controls.diversity == 0.5


def test_the_newest_events_count_in_the_next_request(door):
    assert "i0" in _ids(door.post(USER, {"user_id": "u1"}))
    assert door.post("/v1/events", {"events": [_event(1, "i0"), _event(2, "i5")]}).status_code == 202
    answer = door.post(USER, {"user_id": "u1"})
    assert not {"i0", "i5"} & set(_ids(answer))
    assert answer.json()["items"][0]["reasons"][0]["item_ids"] == ["i5"]
    assert "i0" in _ids(door.post(USER, {"user_id": "u2"}))


def test_what_was_dismissed_is_left_out_and_is_no_interest(door):
    door.post("/v1/events", {"events": [_event(1, "i0", kind="dismiss")]})
    assert _ids(door.post(USER, {"user_id": "u1", "k": 2})) == ["i1", "i2"]
    assert door.models.calls[-1][3].exclude == ("i0",)


def test_what_was_only_shown_changes_nothing(door):
    door.post(USER, {"user_id": "u1"})
    door.post("/v1/events", {"events": [_event(1, "i0", kind="impression", rank=1)]})
    assert door.post(USER, {"user_id": "u1"}).json()["source"] == "cache"


def test_a_list_is_given_again_until_its_user_does_something(door):
    first = door.post(USER, {"user_id": "u1"}).json()
    again = door.post(USER, {"user_id": "u1"}).json()
    assert (first["source"], again["source"]) == ("model", "cache")
    assert again["items"] == first["items"]
    assert again["request_id"] != first["request_id"]
    assert door.post(USER, {"user_id": "u1", "k": 3}).json()["source"] == "model"
    door.post("/v1/events", {"events": [_event(1, "i9", user_id="u2")]})
    assert door.post(USER, {"user_id": "u1"}).json()["source"] == "cache"
    door.post("/v1/events", {"events": [_event(2, "i9")]})
    assert door.post(USER, {"user_id": "u1"}).json()["source"] == "model"


def test_a_list_that_was_under_way_when_its_user_did_something_is_not_given_again(tmp_path):
    with open_door(tmp_path, deadline_ms=600_000) as door:

        async def together():
            door.models.go = asyncio.Event()
            under_way = asyncio.create_task(door.client.post(USER, json={"user_id": "u1"}))
            while not door.models.calls:
                await asyncio.sleep(0.001)
            taken = await door.client.post("/v1/events", json={"events": [_event(1, "i0")]})
            door.models.go.set()
            return await under_way, taken

        old, taken = door.run(together())
        assert taken.status_code == 202
        assert "i0" in _ids(old)
        new = door.post(USER, {"user_id": "u1"})
        assert new.json()["source"] == "model"
        assert "i0" not in _ids(new)


def test_without_a_time_to_live_nothing_is_given_again(tmp_path):
    with open_door(tmp_path, cache={"ttl_seconds": 0}) as door:
        assert [door.post(USER, {"user_id": "u1"}).json()["source"] for _ in range(2)] == ["model"] * 2


@pytest.mark.parametrize("why", ["gone", "slow"])
def test_without_models_there_is_a_popular_list_in_time(tmp_path, why):
    with open_door(tmp_path, deadline_ms=200) as door:
        door.post("/v1/events", {"events": [_event(1, "i0"), _event(2, "i1", kind="dismiss")]})
        door.models.is_gone, door.models.seconds = why == "gone", 60 * (why == "slow")
        since = time.monotonic()
        answer = door.post(USER, {"user_id": "u1", "k": 2, "exclude_item_ids": ["i2"]})
        assert time.monotonic() - since < 30
        assert answer.json()["source"] == "popular"
        assert answer.json()["model_version"] is None
        assert _ids(answer) == ["i3", "i4"]
        assert {item["reasons"][0]["kind"] for item in answer.json()["items"]} == {"popular"}
        door.models.is_gone, door.models.seconds = False, 0
        assert door.post(USER, {"user_id": "u1"}).json()["source"] == "model"


def test_time_that_a_session_took_is_not_the_models(tmp_path, monkeypatch):
    with open_door(tmp_path, deadline_ms=2000) as door:

        async def hangs(user):
            await asyncio.sleep(3600)

        monkeypatch.setattr(door.gateway.sessions, "of", hangs)
        door.models.seconds = 1.5
        assert door.post(USER, {"user_id": "u1"}).json()["source"] == "popular"


def test_the_popular_list_does_not_show_what_is_denied(door):
    door.models.is_gone = True
    answer = door.post(USER, {"user_id": "u1", "deny_categories": ["item_genre=Horror"]})
    assert answer.json()["source"] == "popular"
    assert _ids(answer) == []


def test_a_gateway_that_starts_without_models_has_the_last_popular_list(tmp_path):
    with open_door(tmp_path):
        pass
    with open_door(tmp_path) as door:
        door.models.is_gone = True
        door.gateway.popular.__init__(tmp_path / "popular.json")
        assert _ids(door.post(USER, {"user_id": "u1", "k": 2})) == ["i0", "i1"]


def test_a_damaged_popular_list_is_made_anew(tmp_path):
    (tmp_path / "popular.json").write_text('[["i1"')
    with open_door(tmp_path) as door:
        door.models.is_gone = True
        assert _ids(door.post(USER, {"user_id": "u1", "k": 2})) == ["i0", "i1"]


def test_items_that_are_like_one_and_items_that_a_text_speaks_of(door):
    assert "i7" not in _ids(door.post("/v1/recommendations/item", {"item_id": "i7"}))
    assert _ids(door.post("/v1/recommendations/text", {"text": "space", "k": 1})) == ["i0"]
    assert [call[:2] for call in door.models.calls] == [("item", "i7"), ("text", "space")]


def test_each_list_that_somebody_got_is_kept_as_it_was_served(door):
    door.post("/v1/events", {"events": [_event(1, "i5", timestamp_ms=1_700_000_000_000)]})
    first, again = (door.post(USER, {"user_id": "u1", "k": 2}).json() for _ in range(2))
    about_item = door.post("/v1/recommendations/item", {"item_id": "i7", "user_id": "u1"}).json()
    door.post("/v1/recommendations/item", {"item_id": "i7"})
    served = {record.request_id: record for record in door.served("u1")}
    assert served.keys() == {first["request_id"], again["request_id"], about_item["request_id"]}
    record = served[again["request_id"]]
    assert [item.item_id for item in record.items] == ["i0", "i1"]
    assert [item.propensity for item in record.items] == [0.5, 0.5]
    assert record.model_version == 3
    assert record.features["events"] == [["i5", "click", 1_700_000_000_000, None, None]]
    assert record.controls == served[first["request_id"]].controls
    assert served[about_item["request_id"]].kind == "item"


def test_exploration_has_another_seed_each_time_and_it_is_kept(tmp_path):
    with open_door(tmp_path, exploration=0.3, cache={"ttl_seconds": 0}) as door:
        for _ in range(2):
            door.post(USER, {"user_id": "u1"})
        asked = [call[3] for call in door.models.calls]
        assert [controls.exploration for controls in asked] == [0.3, 0.3]
        assert asked[0].seed != asked[1].seed
        kept = [record.controls["seed"] for record in door.served("u1")]
        assert kept == [controls.seed for controls in asked]


def test_models_and_log_know_pseudonyms_only(tmp_path):
    with open_door(tmp_path, pseudonym=lambda user_id: f"p-{user_id}-p") as door:
        door.post("/v1/events", {"events": [_event(1, "i5")]})
        answer = door.post(USER, {"user_id": "u1"})
        assert door.models.calls[-1][1] == "p-u1-p"
        assert [event.item_id for event in door.run(door.gateway.log.of_user("p-u1-p")).events] == ["i5"]
        assert answer.json()["request_id"] in {record.request_id for record in door.served("p-u1-p")}
        assert door.run(door.gateway.log.of_user("u1")).events == ()


EXPERIMENT = {"name": "new-towers", "canary_share": 0.5}


def test_an_experiment_decides_which_version_answers_whom(tmp_path):
    with open_door(tmp_path, experiment=EXPERIMENT, label="stable") as door:
        arms = {}
        for number in range(12):
            user = f"u{number}"
            arms[user] = door.post(USER, {"user_id": user}).json()["arm"]
            (kept,) = door.served(user)
            assert (kept.experiment, kept.arm, kept.label) == ("new-towers", arms[user], arms[user])
        assert door.models.asked_labels[-12:] == list(arms.values())
        assert set(arms.values()) == {"stable", "canary"}
        canary = next(user for user, arm in arms.items() if arm == "canary")
        door.post("/v1/recommendations/item", {"item_id": "i7", "user_id": canary})
        door.post("/v1/recommendations/text", {"text": "space"})
        assert door.models.asked_labels[-2:] == ["canary", "stable"]


def test_an_arm_whose_version_is_gone_gets_the_popular_list_and_says_so(tmp_path):
    with open_door(tmp_path, experiment=EXPERIMENT) as door:
        door.models.is_gone = True
        answer = door.post(USER, {"user_id": "u1"}).json()
        (kept,) = door.served("u1")
        assert (answer["source"], kept.source) == ("popular", "popular")
        assert answer["arm"] == kept.arm in ("stable", "canary")


def test_without_an_experiment_there_is_no_arm(door):
    assert door.post(USER, {"user_id": "u1"}).json()["arm"] is None
    (kept,) = door.served("u1")
    assert (kept.experiment, kept.arm, kept.label) == (None, None, None)
