"""The door: what is let in, what is refused, and how that is said."""

import json
import logging

import pytest

from gateway.events.event_log import EventLogError
from gateway.guard import ACCESS_LOGGER
from gateway.keys import CallerKeys, Scope, add_key
from pipeline.config.gateway import GatewayConfig
from tests.gateway.door import open_door

USER = "/v1/recommendations/user"
EVENT = {"event_id": "e1", "kind": "click", "user_id": "u1", "item_id": "i1"}


@pytest.fixture
def door(tmp_path):
    with open_door(tmp_path) as opened:
        yield opened


def _error(response, status):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()["error"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "user_id: Field required"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "x" * 257}, "user_id"),
        ({"user_id": "a\nb"}, "user_id"),
        ({"user_id": "a\x00b"}, "user_id"),
        ({"user_id": 7}, "user_id"),
        ({"user_id": "u", "k": 0}, "k"),
        ({"user_id": "u", "k": 101}, "k"),
        ({"user_id": "u", "k": "ten"}, "k"),
        ({"user_id": "u", "diversity": 1.1}, "diversity"),
        ({"user_id": "u", "exclude_item_ids": ["i"] * 1001}, "exclude_item_ids"),
        ({"user_id": "u", "allow_categories": ["Comedy"]}, "allow_categories.0"),
        ({"user_id": "u", "limit": 3}, "limit: Extra inputs are not permitted"),
        ([], "body"),
        ("u1", "body"),
    ],
)
def test_a_question_that_cannot_be_answered_says_where(door, body, where):
    assert _error(door.post(USER, body), 422).startswith(where)
    assert door.models.calls == []


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"", b'{"user_id": "u1",}'])
def test_what_is_no_json_is_refused(door, content):
    response = door.call("POST", USER, content=content, headers={"content-type": "application/json"})
    assert response.status_code in (400, 422)
    assert _error(response, response.status_code)


def test_half_a_character_is_refused(door):
    body = b'{"user_id": "\\ud800"}'
    response = door.call("POST", USER, content=body, headers={"content-type": "application/json"})
    assert _error(response, 422).startswith("user_id")


def test_a_form_of_another_page_is_not_taken_for_json(door):
    """What a browser sends across origins without asking first."""
    body = json.dumps({"events": [EVENT]})
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        response = door.call("POST", "/v1/events", content=body, headers={"content-type": kind})
        assert response.status_code == 422
    assert door.run(door.gateway.log.of_user("u1")).events == ()


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"event_id": "a b"}, "events.0.event_id"),
        ({"event_id": "x" * 65}, "events.0.event_id"),
        ({"kind": "stare"}, "events.0.kind"),
        ({"kind": "rating"}, "events.0: a rating needs a value"),
        ({"kind": "dwell"}, "events.0: a dwell needs dwell_seconds"),
        ({"rank": 0}, "events.0.rank"),
        ({"request_id": "0"}, "events.0.request_id"),
        ({"value": 1e10}, "events.0.value"),
        ({"timestamp_ms": -1}, "events.0.timestamp_ms"),
        ({"user_id": "'; DROP TABLE events; --\n"}, "events.0.user_id"),
    ],
)
def test_an_event_that_cannot_be_kept_says_where_and_none_of_its_batch_is_kept(door, changes, where):
    batch = {"events": [{**EVENT, **changes}, {**EVENT, "event_id": "e2"}]}
    assert _error(door.post("/v1/events", batch), 422).startswith(where)
    assert door.run(door.gateway.log.of_user("u1")).events == ()


def test_an_event_from_the_future_is_refused(door):
    event = {**EVENT, "timestamp_ms": 4_000_000_000_000}
    assert "a day ahead" in _error(door.post("/v1/events", {"events": [event]}), 409)


def test_events_are_counted_once(door):
    batch = {"events": [EVENT, {**EVENT, "event_id": "e2", "timestamp_ms": 1_700_000_000_000}]}
    assert door.post("/v1/events", batch).json() == {"accepted": 2, "duplicates": 0}
    batch["events"] = batch["events"][1:]
    assert door.post("/v1/events", batch).json() == {"accepted": 0, "duplicates": 1}


def test_a_batch_has_its_limit(tmp_path):
    with open_door(tmp_path, limits={"max_events": 2}) as door:
        batch = {"events": [{**EVENT, "event_id": f"e{i}"} for i in range(3)]}
        assert "at most 2" in _error(door.post("/v1/events", batch), 422)
        schemas = door.call("GET", "/openapi.json").json()["components"]["schemas"]
        assert schemas["EventBatch"]["properties"]["events"]["maxItems"] == 2


def test_events_that_cannot_be_kept_are_not_acknowledged(door, monkeypatch):
    async def full(events):
        raise EventLogError("no space left")

    monkeypatch.setattr(door.gateway.log, "append", full)
    assert "no space left" in _error(door.post("/v1/events", {"events": [EVENT]}), 503)
    assert door.post(USER, {"user_id": "u1"}).status_code == 200
    assert door.models.calls[-1][2] == []


def test_a_body_has_its_limit(tmp_path):
    with open_door(tmp_path, limits={"max_body_bytes": 1024}) as door:
        assert "1024" in _error(door.post(USER, {"user_id": "u" * 2000}), 413)


def test_more_requests_at_once_than_may_be_are_refused(tmp_path):
    with open_door(tmp_path, limits={"max_calls": 2}, deadline_ms=60_000) as door:
        door.models.seconds = 1.0
        answers = door.together(*((USER, {"user_id": f"u{i}"}) for i in range(4)))
        assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503]
        assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}


def test_a_caller_that_asks_too_often_waits(tmp_path):
    with open_door(tmp_path, limits={"requests_per_second": 0.2}) as door:
        assert [door.post(USER, {"user_id": "u1"}).status_code for _ in range(3)] == [200, 200, 429]
        assert door.call("GET", "/health").status_code == 200


def test_keys_open_what_they_were_made_for(tmp_path):
    file = tmp_path / "keys"
    shop = add_key(file, "shop", [Scope.RECOMMEND])
    with open_door(tmp_path, keys=CallerKeys(file), host="0.0.0.0", keys_file=file) as door:
        assert "a key is needed" in _error(door.post(USER, {"user_id": "u1"}), 401)
        wrong = door.post(USER, {"user_id": "u1"}, headers={"authorization": "Bearer rsk_no"})
        assert _error(wrong, 401)
        own = {"authorization": f"Bearer {shop}"}
        assert door.post(USER, {"user_id": "u1"}, headers=own).status_code == 200
        refused = door.post("/v1/events", {"events": [EVENT]}, headers=own)
        assert "lacks the scope events" in _error(refused, 403)


def test_without_keys_only_this_machine_may_ask():
    with pytest.raises(ValueError, match="name a keys_file"):
        GatewayConfig(host="0.0.0.0")
    for host in ("127.0.0.1", "::1", "localhost"):
        assert GatewayConfig(host=host).host == host


def test_a_name_that_leads_here_from_elsewhere_is_refused(door):
    response = door.post(USER, {"user_id": "u1"}, headers={"host": "evil.example"})
    assert response.status_code == 400
    assert door.models.calls == []


def test_other_origins_may_not_ask_unless_they_are_named(tmp_path):
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    with open_door(tmp_path) as door:
        response = door.call("OPTIONS", USER, headers=asked)
        assert "access-control-allow-origin" not in response.headers
    with open_door(tmp_path, cors_origins=["https://shop.example"]) as door:
        allowed = door.call("OPTIONS", USER, headers=asked).headers
        assert allowed["access-control-allow-origin"] == "https://shop.example"
        other = door.call("OPTIONS", USER, headers={**asked, "origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


def test_answers_have_safe_headers(door):
    for response in (door.call("GET", "/health"), door.call("GET", "/nowhere"), door.post(USER, {})):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["cache-control"] == "no-store"


def test_ready_tells_whether_the_models_answer(door):
    assert door.call("GET", "/ready").json() == {"status": "ok", "versions": {"newest": 3}}
    door.models.is_gone = True
    assert "do not answer" in _error(door.call("GET", "/ready"), 503)
    assert door.call("GET", "/health").status_code == 200


def test_figures_tell_what_happened(door):
    door.post(USER, {"user_id": "u1"})
    door.post(USER, {"user_id": "u1"})
    door.post("/v1/events", {"events": [EVENT]})
    for path in ("/nowhere", "/else/where"):
        door.call("GET", path)
    page = door.call("GET", "/metrics").text
    assert f'recstack_gateway_requests_total{{route="{USER}",status="200"}} 2.0' in page
    assert 'recstack_gateway_lists_total{source="cache"} 1.0' in page
    assert 'recstack_gateway_events_total{kind="click"} 1.0' in page
    assert 'route="(none)",status="404"' in page
    assert "nowhere" not in page


def test_neither_log_nor_figures_hold_what_was_asked(door, caplog):
    with caplog.at_level(logging.DEBUG, logger=ACCESS_LOGGER):
        door.post(USER, {"user_id": "secret-person"})
        door.post("/v1/events", {"events": [{**EVENT, "user_id": "secret-person"}]})
        door.post("/v1/recommendations/text", {"text": "secret-wish"})
        door.call("GET", "/v1/secret-path")
    assert len(caplog.records) == 4
    logged = "".join(str(record.__dict__) for record in caplog.records)
    assert "secret" not in logged
    assert "secret" not in door.call("GET", "/metrics").text


def test_the_document_tells_the_bounds_of_numbers(door):
    schemas = door.call("GET", "/openapi.json").json()["components"]["schemas"]
    event = schemas["SentEvent"]["properties"]
    bounds = {
        name: (event[name]["anyOf"][0]["minimum"], event[name]["anyOf"][0]["maximum"])
        for name in ("rank", "value", "dwell_seconds")
    }
    assert bounds == {"rank": (1, 100_000), "value": (-1e9, 1e9), "dwell_seconds": (0, 86_400)}
    assert schemas["HistoryQuestion"]["properties"]["length"]["maximum"] == 100


def test_the_document_describes_the_routes(door):
    document = door.call("GET", "/openapi.json").json()
    assert {USER, "/v1/events", "/health", "/ready"} <= document["paths"].keys()
    assert "security" not in document["paths"][USER]["post"]  # nobody needs a key here
