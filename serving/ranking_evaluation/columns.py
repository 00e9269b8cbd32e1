"""Names of the columns in the examples that TFMA reads."""

from __future__ import annotations

ROW = "row"  # number of the judged interaction
USER_ROW = "user_row"  # stands for the user, whose id is nobody's business here


def prediction_name(task: str) -> str:
    """Column of the judged bundle's answers."""
    return f"prediction_{task}"


def previous_name(task: str) -> str:
    """Column of the last pushed bundle's answers; the judged one's where there is none."""
    return f"previous_{task}"


def item_mean_name(task: str) -> str:
    """Column of each item's mean label in the training split; only of tasks of values."""
    return f"item_mean_{task}"


def slice_name(feature: str) -> str:
    """Column of a slice feature."""
    return f"slice_{feature}"
