"""What Schemathesis cannot know from the OpenAPI document."""

import time

import schemathesis

_DAY_MS = 86_400_000
_LAST_MS = 1 << 42


@schemathesis.hook
def map_body(context, body):
    """Times that lie ahead of the gateway's clock become earlier ones: no document can tell the time."""
    latest = time.time_ns() // 1_000_000 - _DAY_MS
    events = body.get("events") if isinstance(body, dict) else None
    if not isinstance(events, list):
        return body
    return {**body, "events": [_not_after(latest, event) for event in events]}


def _not_after(latest, event):
    """What is no time at all is left as it is, for it must be refused."""
    moment = event.get("timestamp_ms") if isinstance(event, dict) else None
    is_number = isinstance(moment, int | float) and not isinstance(moment, bool)
    is_ahead = is_number and latest < moment < _LAST_MS and moment == int(moment)
    return {**event, "timestamp_ms": latest} if is_ahead else event
