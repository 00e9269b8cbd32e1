"""What the page is made of, and what it asks for beside lists and events."""

import pytest

from gateway.keys import CallerKeys, Scope, add_key
from gateway.page_routes import PAGE
from gateway.run_facts import RunFacts
from pipeline.config.gateway import GatewayConfig
from tests.gateway.door import open_door

MOMENT = 1_700_000_000_000
HISTORY = "/v1/people/history"
FACTS = RunFacts("shop", ("u1",), {"rating": "value"}, ("rating",), ("items: title: drift",))


@pytest.fixture
def door(tmp_path):
    with open_door(tmp_path, facts=FACTS, scenarios={"films": "http://localhost:8081/"}) as opened:
        yield opened


def test_the_page_and_its_parts(door):
    start = door.call("GET", "/")
    assert start.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>Recommendations</h1>" in start.text
    types = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
    for file in PAGE.iterdir():
        part = door.call("GET", f"/page/{file.name}")
        assert part.content == file.read_bytes()
        assert part.headers["content-type"].startswith(types[file.suffix])


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/x.js",
        "/page/../app.py",
        "/page/%2e%2e%2fapp.py",
        "/page//etc/passwd",
        "/page/main.js%00",
    ],
)
def test_nothing_else_is_given_out(door, path):
    answer = door.call("GET", path)
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_the_page_has_no_inline_script_style_or_handler():
    text = (PAGE / "index.html").read_text()
    assert "<style" not in text
    assert " style=" not in text
    assert text.count("<script") == text.count('<script type="module" src="page/main.js"></script>') == 1


def test_options(door):
    door.models.labels["stable"] = 2
    assert door.call("GET", "/v1/options").json() == {
        "run": "shop",
        "user_ids": ["u1"],
        "versions": {"newest": 3, "stable": 2},
        "scenarios": {"films": "http://localhost:8081/"},
        "ratings": [1, 2, 3, 4, 5],
        "tasks": {"rating": "value"},
        "counting": ["rating"],
    }


def test_a_history_has_what_was_done_lately_and_before(door):
    events = [
        {
            "event_id": f"e{i}",
            "kind": kind,
            "user_id": "u1",
            "item_id": f"i{i}",
            "timestamp_ms": MOMENT + i,
            "value": value,
        }
        for i, (kind, value) in enumerate([("like", None), ("rating", 2.0), ("impression", None)])
    ]
    door.post("/v1/events", {"events": events})
    answer = door.post(HISTORY, {"user_id": "u1", "length": 2}).json()
    assert [(event["item_id"], event["kind"], event["value"]) for event in answer["recent"]] == [
        ("i1", "rating", 2.0),
        ("i0", "like", None),
    ]
    assert answer["items"] == [
        {"item_id": "h0", "title": "Title of h0", "value": 4.0},
        {"item_id": "h1", "title": "Title of h1", "value": 4.0},
    ]
    assert door.post(HISTORY, {"user_id": "new"}).json() == {"known": False, "recent": [], "items": []}


def test_a_history_is_asked_for_by_pseudonym(tmp_path):
    with open_door(tmp_path, pseudonym=lambda user: f"u-{user}") as door:
        assert door.post(HISTORY, {"user_id": "ann"}).json()["known"] is True
        assert door.models.calls == [("history", "u-ann", 20, None)]


@pytest.mark.parametrize(
    "body",
    [{}, {"user_id": "u", "length": 0}, {"user_id": "u", "length": "5"}, {"user_id": "u", "label": "latest"}],
)
def test_a_history_that_cannot_be_had_says_why(door, body):
    assert door.post(HISTORY, body).status_code == 422
    door.models.is_gone = True
    gone = door.post(HISTORY, {"user_id": "u1"})
    assert (gone.status_code, gone.json()["error"][:24]) == (503, "the models do not answer")


def test_the_label_of_a_question_goes_before_the_configured_one(tmp_path):
    with open_door(tmp_path, label="stable") as door:
        lists = {"user": {"user_id": "u1"}, "item": {"item_id": "i1"}, "text": {"text": "x"}}
        for kind, body in lists.items():
            door.post(f"/v1/recommendations/{kind}", body)
            door.post(f"/v1/recommendations/{kind}", {**body, "label": "canary"})
        assert door.models.asked_labels[-6:] == ["stable", "canary"] * 3


def test_figures_of_what_happened(door):
    before = door.call("GET", "/v1/state").json()
    assert (before["requests"], before["p50_ms"], before["click_rate"]) == (0, None, None)
    for _ in range(2):
        door.post("/v1/recommendations/user", {"user_id": "u1"})
    kinds = ["impression"] * 4 + ["click"]
    events = [{"event_id": f"e{i}", "kind": k, "user_id": "u1", "item_id": "i1"} for i, k in enumerate(kinds)]
    door.post("/v1/events", {"events": events})
    state = door.call("GET", "/v1/state").json()
    assert state["requests"] == 2
    assert state["lists"] == {"model": 1, "cache": 1}
    assert state["events"] == {"impression": 4, "click": 1}
    assert state["click_rate"] == 0.25
    assert 0 < state["p50_ms"] <= state["p99_ms"]
    assert state["versions"] == {"newest": 3}
    assert state["drift"] == ["items: title: drift"]


def test_another_version_brings_the_facts_of_its_run(tmp_path):
    drifts = [None, (), ("items: title: drift",)]
    with open_door(tmp_path, facts=lambda: RunFacts("shop", drift=drifts.pop(0))) as door:

        def drift():
            return door.call("GET", "/v1/state").json()["drift"]

        door.models.is_gone = True
        assert [drift(), drift()] == [None, None]
        door.models.is_gone = False
        assert [drift(), drift()] == [[], []]
        door.models.labels["newest"] = 4
        assert [drift(), drift()] == [["items: title: drift"]] * 2
        assert door.call("GET", "/v1/options").json()["run"] == "shop"


def test_facts_that_cannot_be_read_stay_as_they_were(tmp_path, caplog):
    found = [RunFacts("shop", drift=())]

    def read():
        if not found:
            raise OSError("the run is gone")
        return found.pop()

    with open_door(tmp_path, facts=read) as door:
        assert door.call("GET", "/v1/state").json()["drift"] == []
        assert "the run is gone" in caplog.text


def test_without_models_there_are_no_versions(door):
    door.models.is_gone = True
    assert door.call("GET", "/v1/state").json()["versions"] == {}
    assert door.call("GET", "/v1/options").json()["versions"] == {}


def test_a_history_takes_a_key_for_people(tmp_path):
    file = tmp_path / "keys"
    shop = {"authorization": f"Bearer {add_key(file, 'shop', [Scope.RECOMMEND])}"}
    with open_door(tmp_path, keys=CallerKeys(file), keys_file=file) as door:
        assert door.call("GET", "/").status_code == 200
        assert door.call("GET", "/v1/options").status_code == 401
        assert door.call("GET", "/v1/state", headers=shop).status_code == 200
        refused = door.post(HISTORY, {"user_id": "u1"}, headers=shop)
        assert (refused.status_code, "scope people" in refused.json()["error"]) == (403, True)


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "films", "https://", "data:text/html,x", "http:// x"]
)
def test_a_scenario_is_an_address_of_the_web(address):
    with pytest.raises(ValueError, match="scenarios"):
        GatewayConfig(scenarios={"films": address})
