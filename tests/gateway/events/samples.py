"""Events and lists to keep."""

from gateway.events.event import Event
from gateway.events.served_list import ServedItem, ServedList

DAY_MS = 86_400_000
NOON_MS = 1_764_072_000_000  # 2025-11-25 12:00 UTC


class Clock:
    """A clock that is set by hand."""

    def __init__(self, milliseconds=NOON_MS):
        self.milliseconds = milliseconds

    def __call__(self):
        return self.milliseconds / 1000


def event(event_id="e1", time_ms=NOON_MS, **changes):
    """A click, with changes."""
    fields = {"kind": "click", "user": "ann", "item_id": "i1", "received_ms": time_ms, **changes}
    return Event(event_id=event_id, **{"timestamp_ms": time_ms, **fields})


def served(request_id="a" * 32, user="ann", items=("i1", "i2"), **changes):
    """A list of the stable version, with changes."""
    rows = tuple(
        ServedItem(item_id=item, scores={"order_score": 1.0}, propensity=0.5 / (place + 1))
        for place, item in enumerate(items)
    )
    fields = {
        "time_ms": NOON_MS,
        "kind": "user",
        "label": "stable",
        "model_version": 7,
        "arm": "stable",
        "controls": {"k": 2, "exploration": 0.3},
        "features": {"timestamp": [1], "history_item_ids": ["i9"]},
        **changes,
    }
    return ServedList(request_id=request_id, user=user, items=rows, **fields)
