"""What somebody did, given with a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.features import (
    HISTORY_DWELL_SECONDS,
    HISTORY_EVENT_TYPES,
    HISTORY_ITEM_IDS,
    HISTORY_TIMESTAMPS,
    HISTORY_VALUES,
)
from serving.client.rows import number_rows, string_rows


@dataclass(frozen=True)
class History:
    """Events of one person, oldest first.

    Those lists are given that the bundle's data have (its metadata name them), each as long as `item_ids`.

    Attributes:
      item_ids: Of the items.
      values: Ratings, amounts.
      event_types: Such as `view`.
      timestamps: Seconds since 1970.
      dwell_seconds: Of reading or watching.
    """

    item_ids: Sequence[str]
    values: Sequence[float] | None = None
    event_types: Sequence[str] | None = None
    timestamps: Sequence[int] | None = None
    dwell_seconds: Sequence[float] | None = None

    def __post_init__(self) -> None:
        """Checks the lengths.

        Raises:
          ValueError: A list is longer or shorter than `item_ids`.
        """
        for name in ("values", "event_types", "timestamps", "dwell_seconds"):
            given = getattr(self, name)
            if given is not None and len(given) != len(self.item_ids):
                raise ValueError(f"a history of {len(self.item_ids)} items has {len(given)} {name}")


def history_inputs(histories: Sequence[History]) -> dict[str, npt.NDArray[Any]]:
    """Inputs of a signature.

    Args:
      histories: N of them, with the same lists.

    Returns:
      By name, [N, longest].

    Raises:
      ValueError: Some have a list that others lack.
    """
    inputs = {HISTORY_ITEM_IDS: string_rows([history.item_ids for history in histories])}
    strings = [history.event_types for history in histories]
    if (rows := _all_or_none(strings, "event_types")) is not None:
        inputs[HISTORY_EVENT_TYPES] = string_rows(rows)
    numbers: tuple[tuple[str, str, type], ...] = (
        (HISTORY_VALUES, "values", np.float32),
        (HISTORY_TIMESTAMPS, "timestamps", np.int64),
        (HISTORY_DWELL_SECONDS, "dwell_seconds", np.float32),
    )
    for name, attribute, dtype in numbers:
        given = _all_or_none([getattr(history, attribute) for history in histories], attribute)
        if given is not None:
            inputs[name] = number_rows(given, dtype)
    return inputs


def _all_or_none(lists: Sequence[Sequence[Any] | None], name: str) -> list[Sequence[Any]] | None:
    """The lists, unless there are none."""
    given = [values for values in lists if values is not None]
    if given and len(given) < len(lists):
        raise ValueError(f"some histories have {name}, and others do not")
    return given or None
