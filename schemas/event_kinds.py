"""What people do with items, by the names that the gateway knows."""

from __future__ import annotations

from typing import Literal, get_args

EventKind = Literal["impression", "click", "like", "rating", "purchase", "dismiss", "dwell"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
