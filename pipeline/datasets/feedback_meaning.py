"""What the gateway's events are in the terms of a source."""

from __future__ import annotations

from dataclasses import replace

from pipeline.config.feedback import KindConfig
from pipeline.errors import InputError
from schemas.event_kinds import EventKind
from schemas.features import TableLayout

_SHOWN: tuple[EventKind, ...] = ("impression", "dismiss")
_TAKEN_UP: tuple[EventKind, ...] = ("click", "like", "purchase", "rating")

Meaning = dict[EventKind, KindConfig]


def meaning_of(kinds: Meaning | None, layout: TableLayout) -> Meaning:
    """What each kind of event is, every event type said.

    Args:
      kinds: As configured; `None` for what follows from the layout.
      layout: Of the source.

    Raises:
      InputError: The source has no place for what is configured, or nothing follows from its layout.
    """
    meaning = dict(_default(layout) if kinds is None else kinds)
    for kind, entry in meaning.items():
        _check(kind, entry, layout)
        if layout.has_event_type and entry.event_type is None:
            meaning[kind] = entry.model_copy(update={"event_type": kind})
    for kind, entry in meaning.items():
        _check_role(kind, entry, meaning, layout)
    return meaning


def layout_with(meaning: Meaning, layout: TableLayout) -> TableLayout:
    """The source's layout, with the exposures that events bring."""
    shown = [entry.event_type for entry in meaning.values() if entry.exposure and entry.event_type]
    new = dict.fromkeys(name for name in shown if name not in layout.exposure_types)
    return replace(layout, exposure_types=(*layout.exposure_types, *new))


def _default(layout: TableLayout) -> Meaning:
    if layout.has_value and layout.has_event_type:
        raise InputError(
            "feedback.kinds: the source has values and event types, and what a kind of event is worth there "
            "is not known; name each kind with its event_type and value"
        )
    if layout.has_value:
        return {"rating": KindConfig(value="event")}
    dwelt: Meaning = {"dwell": KindConfig()} if layout.has_dwell else {}
    taken_up: Meaning = {kind: KindConfig() for kind in _TAKEN_UP} | dwelt
    if not layout.has_event_type:
        return taken_up
    name = layout.exposure_types[0] if layout.exposure_types else None
    shown: Meaning = {kind: KindConfig(event_type=name, exposure=True) for kind in _SHOWN}
    return taken_up | shown


def _check(kind: str, entry: KindConfig, layout: TableLayout) -> None:
    """An event must fill what the source's interactions have, and nothing else."""
    where = f"feedback.kinds.{kind}"
    if not layout.has_event_type and (entry.event_type is not None or entry.exposure):
        raise InputError(
            f"{where}: the source has no event types, so that event_type and exposure have no place there"
        )
    if layout.has_value and entry.value is None:
        raise InputError(
            f"{where}: every interaction of the source has a value; set value to a number, or to 'event' for "
            "the one that events carry"
        )
    if not layout.has_value and entry.value is not None:
        raise InputError(f"{where}: the source has no values; leave value out")


def _check_role(kind: str, entry: KindConfig, meaning: Meaning, layout: TableLayout) -> None:
    """A type is an exposure everywhere or nowhere, and nothing that was known before the log."""
    if entry.event_type in layout.prior_types:
        raise InputError(
            f"feedback.kinds.{kind}: '{entry.event_type}' stands for what came before the source's log; "
            "give it another event_type"
        )
    if entry.exposure:
        return
    shown = {other.event_type for other in meaning.values() if other.exposure} | set(layout.exposure_types)
    if layout.has_event_type and entry.event_type in shown:
        raise InputError(
            f"feedback.kinds.{kind}: '{entry.event_type}' stands for what was shown and not taken up; set "
            "exposure, or give it another event_type"
        )
