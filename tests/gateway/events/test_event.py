"""What counts as an event."""

import pytest
from pydantic import ValidationError

from gateway.events.event import MAX_AHEAD_MS, Event
from tests.gateway.events.samples import NOON_MS, event


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"event_id": ""}, "event_id"),
        ({"event_id": "a b"}, "event_id"),
        ({"event_id": "x" * 65}, "event_id"),
        ({"event_id": "e1\n"}, "event_id"),
        ({"kind": "look"}, "kind"),
        ({"user": ""}, "user"),
        ({"user": "a\nb"}, "user"),
        ({"item_id": "a\x00"}, "item_id"),
        ({"item_id": "a\u0085"}, "item_id"),
        ({"item_id": "i" * 257}, "item_id"),
        ({"item_id": "語" * 200}, "512 bytes"),
        ({"item_id": "\ud800"}, "item_id"),
        ({"item_id": 7}, "item_id"),
        ({"timestamp_ms": -1}, "timestamp_ms"),
        ({"timestamp_ms": 1.5}, "timestamp_ms"),
        ({"timestamp_ms": NOON_MS // 1000}, "timestamp_ms"),  # in seconds: 1970
        ({"timestamp_ms": NOON_MS + MAX_AHEAD_MS + 1}, "more than a day ahead"),
        ({"request_id": "abc"}, "request_id"),
        ({"request_id": "A" * 32}, "request_id"),
        ({"rank": 0}, "rank"),
        ({"rank": True}, "rank"),
        ({"value": float("nan")}, "value"),
        ({"value": float("inf")}, "value"),
        ({"value": "5"}, "value"),
        ({"dwell_seconds": -1.0}, "dwell_seconds"),
        ({"kind": "rating"}, "a rating needs a value"),
        ({"kind": "dwell"}, "a dwell needs dwell_seconds"),
        ({"mood": "good"}, "mood"),
    ],
)
def test_an_event_that_cannot_be_right_is_refused(changes, told):
    with pytest.raises(ValidationError, match=told):
        event(**changes)


def test_an_event_may_have_all_its_fields_and_goes_through_json():
    whole = event(
        "A.b_c-9", kind="rating", item_id=" ü/1", request_id="0" * 32, rank=3, value=4, dwell_seconds=2.5
    )
    assert Event.model_validate_json(whole.model_dump_json()) == whole


def test_a_clock_may_be_a_day_ahead():
    assert event(timestamp_ms=NOON_MS + MAX_AHEAD_MS).received_ms == NOON_MS
