"""All that an adapter gives, as the preparation would type it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.typed import TypedTable, type_interactions, type_items, type_users


class Typed(NamedTuple):
    """Rows that stay, and (file, row, rule) of those that do not, in order of their places."""

    rows: list[dict[str, Any]]
    rejects: list[tuple[str, int, str]]
    num_read: int
    details: list[str | None]


def typed_interactions(adapter: DatasetAdapter) -> Typed:
    layout = adapter.layout()
    return _collected(
        type_interactions(raw, layout, adapter.timestamp_unit)
        for part in adapter.parts()
        for raw in adapter.interactions(part)
    )


def typed_items(adapter: DatasetAdapter) -> Typed:
    return _collected(type_items(raw, adapter.layout()) for raw in adapter.items())


def typed_users(adapter: DatasetAdapter) -> Typed:
    return _collected(type_users(raw, adapter.layout()) for raw in adapter.users())


def _collected(pieces: Iterable[TypedTable]) -> Typed:
    pieces = list(pieces)
    rejects = [row for piece in pieces for row in piece.rejects.to_pylist()]
    rejects.sort(key=lambda row: (row["file"], row["row"]))
    return Typed(
        [row for piece in pieces for row in piece.table.to_pylist()],
        [(row["file"], row["row"], row["rule"]) for row in rejects],
        sum(piece.num_read for piece in pieces),
        [row["detail"] for row in rejects],
    )
