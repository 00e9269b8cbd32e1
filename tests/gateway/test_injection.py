"""What callers say stays data: in the log, the databases, the spans, the figures and the answers."""

import itertools
import re
from datetime import datetime, timedelta, timezone

import grpc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.events.export import export_days
from serving.client.errors import BadRequestError
from tests.gateway.abused import Abused
from tests.gateway.door import open_door
from tests.gateway.hostile import MARK, STRANGE, UNFIT
from tests.gateway.log_lines import logged

LISTS = "/v1/recommendations"
EVENTS = "/v1/events"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def abused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abused")
    (folder / "gateway").mkdir()
    unlimited = {"limits": {"requests_per_second": 1e6}, "deadline_ms": 60_000}
    with logged() as lines, open_door(folder / "gateway", **unlimited) as door:
        yield Abused(door, lines, folder)


def _event(number, user_id, item_id, **fields):
    return {"event_id": f"{MARK}.{number}", "kind": "click", "user_id": user_id, "item_id": item_id, **fields}


def _everything(user_id, item_id, number):
    """A body for each route that takes one."""
    yield f"{LISTS}/user", {"user_id": user_id, "k": 2, "exclude_item_ids": [item_id]}
    yield f"{LISTS}/item", {"item_id": item_id, "user_id": user_id, "k": 2}
    yield f"{LISTS}/text", {"text": item_id, "user_id": user_id, "k": 2}
    yield EVENTS, {"events": [_event(number, user_id, item_id)]}
    yield "/v1/people/history", {"user_id": user_id}
    yield "/v1/people/export", {"user_id": user_id}


@pytest.mark.parametrize(("number", "strange"), enumerate(STRANGE))
def test_strange_ids_are_ids_like_others(abused, number, strange):
    user_id, item_id = f"{MARK}{strange}", f"{strange}{MARK}"
    for path, body in _everything(user_id, item_id, number):
        assert abused.post(path, body).status_code in (200, 202)
    told = abused.post("/v1/people/export", {"user_id": user_id}).json()
    assert told["user"] == user_id
    assert [(event["item_id"], event["event_id"]) for event in told["events"]] == [
        (item_id, f"{MARK}.{number}")
    ]
    assert sorted(served["kind"] for served in told["served"]) == ["item", "text", "user"]
    assert abused.rows("SELECT item_id FROM events WHERE user_id = ?", user_id) == [(item_id,)]
    assert MARK not in abused.door.call("GET", "/metrics").text
    assert abused.lines.take()[0]["route"] == "/metrics"
    assert abused.strangers() == []


@pytest.mark.parametrize("number", range(len(STRANGE)))
def test_who_has_a_strange_id_is_erased_alone(abused, number):
    user_id, neighbour = f"gone{STRANGE[number]}", f"gone{STRANGE[number - 1]}"
    for name, user in enumerate((user_id, neighbour)):
        abused.post(EVENTS, {"events": [_event(f"gone.{number}.{name}", user, "i1")]})
    assert abused.post("/v1/people/erase", {"user_id": user_id}).json()["removed"] == 1
    assert abused.post("/v1/people/export", {"user_id": user_id}).json()["events"] == []
    assert abused.post("/v1/people/erase", {"user_id": neighbour}).json()["removed"] == 1
    assert abused.rows("SELECT * FROM events WHERE user_id IN (?, ?)", user_id, neighbour) == []


@pytest.mark.parametrize("unfit", [*UNFIT, "", "x" * 257, "\U0001f600" * 129])
def test_what_is_unfit_is_no_id_anywhere(abused, unfit):
    for field, body in [
        ("user_id", {"user_id": unfit}),
        ("exclude_item_ids.0", {"user_id": "u1", "exclude_item_ids": [unfit]}),
        ("deny_categories.0", {"user_id": "u1", "deny_categories": [f"genre={unfit}"]}),
        ("label", {"user_id": "u1", "label": unfit}),
    ]:
        if field == "deny_categories.0" and len(unfit) > 100:
            continue  # a category may be longer than an id
        answer = abused.post(f"{LISTS}/user", body)
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(field)
    for field in ("event_id", "kind", "user_id", "item_id", "request_id"):
        answer = abused.post(EVENTS, {"events": [{**_event("no", "u1", "i1"), field: unfit}]})
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(f"events.0.{field}")
    for path in ("history", "export", "erase"):
        assert abused.post(f"/v1/people/{path}", {"user_id": unfit}).status_code == 422


@pytest.mark.parametrize("text", [*STRANGE, *UNFIT])
def test_a_text_may_hold_anything_and_is_kept_as_it_is(abused, text):
    """People paste what they paste into a search."""
    wish = f"{MARK} {text}"
    assert abused.post(f"{LISTS}/text", {"text": wish, "user_id": "reader", "k": 1}).status_code == 200
    assert ("text", wish) in [call[:2] for call in abused.door.models.calls]
    assert wish in [served.features["text"] for served in abused.door.served("reader")]


@given(user_id=st.text(max_size=40), item_id=st.text(max_size=300))
def test_any_id_is_kept_as_it_is_or_refused(abused, user_id, item_id):
    def fits(text):
        return 0 < len(text) <= 256 and len(text.encode()) <= 512 and not CONTROL.search(text)

    event = _event(f"any.{next(NUMBERS)}", user_id, item_id)
    answer = abused.post(EVENTS, {"events": [event]})
    assert answer.status_code == (202 if fits(user_id) and fits(item_id) else 422)
    if answer.status_code == 202:
        query = "SELECT user_id, item_id FROM events WHERE event_id = ?"
        assert abused.rows(query, event["event_id"]) == [(user_id, item_id)]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ('{"user_id": "u1", "__proto__": {"admin": true}}', 422),
        ('{"user_id": "u1", "constructor": {"prototype": {}}}', 422),
        ('{"user_id": {"__proto__": "u1"}}', 422),
        ('{"user_id": {"$gt": ""}}', 422),
        ('{"user_id": ["u1"]}', 422),
        ('{"user_id": "u1", "<script>alert(1)</script>": 1}', 422),
        ('{"user_id": "u1", "k": 1e999}', 422),
        ('{"user_id": "u1", "k": -1e999}', 422),
        ('{"user_id": "u1", "k": NaN}', 422),
        ('{"user_id": "u1", "k": 18446744073709551617}', 422),
        ('{"user_id": "u1", "k": 1' + "0" * 400 + "}", 422),
        ('{"user_id": "u1", "k": 1' + "0" * 500_000 + "}", 400),  # more digits than are read
        ('{"user_id": "u1", "diversity": 0.' + "0" * 500_000 + "1}", 200),
        ('{"user_id": ' + "[" * 100_000 + "]" * 100_000 + "}", 400),
        ("[" * 500_000, 400),
        ('{"user_id": "u1"' + ', "k": 1' * 100_000 + "}", 200),
        ('{"user_id": "u1"}\x00', 400),
    ],
)
def test_bodies_that_are_made_to_break_a_reader(abused, content, status):
    headers = {"content-type": "application/json"}
    answer = abused.seen(abused.door.call("POST", f"{LISTS}/user", content=content.encode(), headers=headers))
    assert answer.status_code == status
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timestamp_ms", 1 << 63),
        ("timestamp_ms", 10**400),
        ("timestamp_ms", 1e300),
        ("timestamp_ms", "1700000000000; DROP TABLE events"),
        ("rank", 1 << 64),
        ("rank", -1),
        ("value", 1e308),
        ("value", "4"),
        ("dwell_seconds", 10**30),
        ("rank", True),
        ("received_ms", 0),
        ("user", "somebody else"),
    ],
)
def test_numbers_beyond_all_measure_are_refused(abused, field, value):
    answer = abused.post(EVENTS, {"events": [{**_event("no", "u1", "i1"), field: value}]})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(f"events.0.{field}")


@pytest.mark.parametrize("header", ["user-agent", "x-request-id", "referer", "x-forwarded-for", "cookie"])
def test_headers_get_nowhere(abused, header):
    for said in ("<script>", "' OR 1=1", "\x1b[31m", "\u2028"):
        headers = {header: f"{MARK}{said}".encode()}
        assert abused.post(f"{LISTS}/user", {"user_id": "u1"}, headers=headers).status_code == 200
    figures = abused.door.call("GET", "/metrics")
    abused.lines.take()
    assert MARK not in figures.text


def test_a_method_that_nobody_knows_is_not_logged(abused):
    for path in (EVENTS, f"/{MARK}", "/health"):
        answer = abused.seen(abused.door.call(f"{MARK}-GET", path))
        assert answer.status_code in (404, 405)


def test_what_a_server_says_of_a_request_is_not_logged(abused, monkeypatch):
    async def quoting(user, *_):
        raise BadRequestError(grpc.StatusCode.INVALID_ARGUMENT, f"cannot read {user}\nforged")

    monkeypatch.setattr(abused.door.models, "for_user", quoting)
    answer = abused.door.post(f"{LISTS}/user", {"user_id": f"{MARK}-quoted"})
    assert answer.json()["source"] == "popular"
    lines = abused.lines.take()
    assert "INVALID_ARGUMENT" in lines[0]["message"]
    assert (len(lines), MARK in str(lines)) == (2, False)


def test_a_fault_of_ours_is_told_without_what_was_asked(abused, monkeypatch):
    async def broken(events):
        raise KeyError(f"{events[0].user} <script>")

    monkeypatch.setattr(abused.door.gateway.log, "append", broken)
    answer = abused.door.post(EVENTS, {"events": [_event("fault", f"{MARK}u", "i1")]})
    assert answer.status_code == 500
    assert answer.json() == {"error": "the gateway failed; its log says where"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    fault, request = abused.lines.take()
    assert "KeyError" in fault["message"]
    assert "in broken" in fault["message"]
    assert (request["route"], request["status"]) == (EVENTS, 500)
    assert MARK not in str((fault, request))


def test_spans_hold_strange_ids_as_they_are(tmp_path):
    ids = [f"{strange}{MARK}" for strange in STRANGE]
    with open_door(tmp_path / "gateway") as door:
        for number, one in enumerate(ids):
            shown = door.post(f"{LISTS}/user", {"user_id": one, "k": 1}).json()
            event = _event(number, one, shown["items"][0]["item_id"], request_id=shown["request_id"])
            stray = _event(f"stray.{number}", one, one, request_id=shown["request_id"])
            assert door.post(EVENTS, {"events": [event, stray]}).status_code == 202
        door.settle()
    log, spans = tmp_path / "gateway" / "events", tmp_path / "spans"
    written = export_days(log, spans, None, datetime.now(timezone.utc).date() + timedelta(days=1))
    assert sum(span.events for span in written) == 2 * len(ids)
    rows = [row for span in written for row in pq.read_table(spans / span.day.isoformat()).to_pylist()]
    assert [row["user_id"] for row in rows[::2]] == ids
    assert {(row["rank"], row["propensity"], row["model_version"]) for row in rows[::2]} == {(1, 0.5, 3)}
    assert [row["item_id"] for row in rows[1::2]] == ids
    assert {(row["propensity"], row["model_version"]) for row in rows[1::2]} == {(None, 3)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gateway", "spans"]
