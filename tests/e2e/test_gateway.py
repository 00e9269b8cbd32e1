"""`recstack gateway` in front of `recstack serve`, on the models of a real run."""

import os
import signal

import httpx
import pytest

from benchmarks.gateway_process import gateway_process
from benchmarks.server_process import server_process
from tests.checkerboard import FIRST_SECOND, genre_of_item, genre_of_user, write_config

pytestmark = pytest.mark.slow

AFTER = (FIRST_SECOND + 1_000_000) * 1000  # milliseconds; all that the models know is older
PATIENT = {"deadline_ms": 120_000}
USER = "/v1/recommendations/user"


@pytest.fixture(scope="module")
def server(world):
    with server_process("--bundle", world.bundle, "--variant", "exact") as process:
        yield process


@pytest.fixture
def ask(world, server, tmp_path):
    """An HTTP client of a gateway with time to wait."""
    config = write_config(world.folder, {"output": str(tmp_path), "gateway": PATIENT}, name="gateway.yaml")
    with (
        gateway_process(config, tmp_path / "log", server.grpc) as gateway,
        httpx.Client(base_url=gateway.url, timeout=120) as client,
    ):
        yield client


def _rate(ask, user_id, item_ids, stars=5):
    events = [
        {
            "event_id": f"{user_id.replace(' ', '-')}-{item_id}",
            "kind": "rating",
            "user_id": user_id,
            "item_id": item_id,
            "value": stars,
            "timestamp_ms": AFTER + place * 1000,
        }
        for place, item_id in enumerate(item_ids)
    ]
    assert ask.post("/v1/events", json={"events": events}).json()["accepted"] == len(events)


def _items(answer):
    assert answer.status_code == 200, answer.text
    assert answer.json()["source"] == "model", answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def test_a_newcomer_gets_what_they_like_from_the_next_request_on(ask):
    question = {"user_id": "nobody yet", "k": 6}
    first = ask.post(USER, json=question)
    assert len({genre_of_item(item_id) for item_id in _items(first)}) > 1
    assert first.json()["known"] is False
    rated = ["i1", "i4", "i7"]
    _rate(ask, "nobody yet", rated)
    answer = ask.post(USER, json=question)
    assert {genre_of_item(item_id) for item_id in _items(answer)} == {genre_of_item("i1")}
    assert not set(rated) & set(_items(answer))
    reasons = [reason for item in answer.json()["items"] for reason in item["reasons"]]
    named = {item_id for reason in reasons for item_id in reason["item_ids"]}
    assert named
    assert named <= set(rated)


def test_a_known_user_keeps_their_history_and_what_they_rated_now_is_not_listed_again(ask):
    question = {"user_id": "u1", "k": 5}
    first = ask.post(USER, json=question)
    assert first.json()["known"] is True
    assert {genre_of_item(item_id) for item_id in _items(first)} == {genre_of_user("u1")}
    _rate(ask, "u1", _items(first)[:1])
    assert _items(first)[0] not in _items(ask.post(USER, json=question))


def test_items_like_one_and_items_that_a_text_speaks_of(ask):
    liked = _items(ask.post("/v1/recommendations/item", json={"item_id": "i1", "k": 5}))
    assert "i1" not in liked
    assert len(_items(ask.post("/v1/recommendations/text", json={"text": "western", "k": 5}))) == 5
    denied = {"user_id": "u1", "k": 5, "deny_categories": ["item_genre=western"]}
    assert "western" not in {genre_of_item(item_id) for item_id in _items(ask.post(USER, json=denied))}


def test_readiness_names_the_versions(ask):
    assert ask.get("/ready").json()["versions"] == {"newest": 1, "stable": 1, "canary": 1}


def test_a_server_that_stops_and_goes_on_costs_the_models_and_no_answer(world, server, tmp_path):
    settings = {"output": str(tmp_path), "gateway": {"deadline_ms": 2000, "cache": {"ttl_seconds": 0}}}
    config = write_config(world.folder, settings, name="hasty.yaml")
    pid = server.process.pid
    with (
        gateway_process(config, tmp_path / "log", server.grpc) as gateway,
        httpx.Client(base_url=gateway.url, timeout=120) as client,
    ):

        def until(source):
            """Asks until a list comes from there: a busy machine may miss any deadline."""
            while (answer := client.post(USER, json={"user_id": "u1"}).json())["source"] != source:
                assert client.get("/health").status_code == 200
            return answer

        until("model")
        while not (tmp_path / "checkerboard" / "events" / "popular.json").is_file():
            client.get("/health")
        os.kill(pid, signal.SIGSTOP)
        try:
            answers = [client.post(USER, json={"user_id": "u1"}).json() for _ in range(3)]
        finally:
            os.kill(pid, signal.SIGCONT)
        assert {answer["source"] for answer in answers} == {"popular"}
        assert all(answer["items"] for answer in answers)
        until("model")
