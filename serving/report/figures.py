"""How figures are written."""

from __future__ import annotations

import math

from serving.evaluation_record import Bounded

ABSENT = "–"


def number(value: float | None) -> str:
    """A figure: four places, or four digits of one that is large or very small."""
    if value is None or math.isnan(value):
        return ABSENT
    if value == 0 or 1e-3 <= abs(value) < 1000:
        return f"{value:.4f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def bounded(figure: Bounded | None) -> str:
    """A figure with its bounds: `0.1234 [0.1200, 0.1270]`."""
    if figure is None:
        return ABSENT
    if figure.low is None or figure.high is None:
        return number(figure.value)
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"


def size(num_bytes: float | None) -> str:
    """An amount of memory, in MiB or GiB."""
    if num_bytes is None:
        return ABSENT
    mebibytes = num_bytes / 2**20
    return f"{mebibytes:,.0f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:,.1f} GiB"
