"""Interactions between two steps: canonical columns, and where each row came from."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.datasets.typed import reject_records
from pipeline.distinct import distinct_texts
from pipeline.roles import enters_history, has_type, is_example
from schemas.features import ITEM_ID, TIMESTAMP, USER_ID, TableLayout
from schemas.quarantine import Rule

# Where a row came from: the part's number, and the row's in its file. Ties of time are in that order.
PART = "_part"
ROW = "_row"
# Of the list that showed the item, if the source names such; null where there was none.
REQUEST = "_request"


class InteractionsTable:
    """Interactions of some people, and what was rejected of them.

    Attributes:
      table: The rows that are left, with the columns `_part` and `_row`.
      rejects: Records of the others.
    """

    def __init__(self, table: pa.Table, files: tuple[str, ...]):
        """Starts without a reject.

        Args:
          table: Canonical interactions with `_part` and `_row`.
          files: The name of each part's file.
        """
        self.table = table
        self.rejects: list[pa.Table] = []
        self._files = np.array(files, dtype=object)

    def drop(self, rule: Rule, wrong: np.ndarray) -> None:
        """Drops rows.

        Args:
          rule: What they break.
          wrong: [N] bool.
        """
        if not wrong.any():
            return
        dropped = self.table.filter(pa.array(wrong))
        known = {name: dropped[name].combine_chunks() for name in (USER_ID, ITEM_ID, TIMESTAMP)}
        files = pa.array(self._files[dropped[PART].to_numpy()], pa.string())
        self.rejects.append(reject_records("interactions", files, rule, dropped[ROW].to_numpy(), known))
        self.table = self.table.filter(pa.array(~wrong))

    def numbers(self, name: str) -> np.ndarray:
        """A column of integers; [N]."""
        return self.table[name].to_numpy()

    def codes(self, name: str) -> np.ndarray:
        """Integers that are equal where a column's texts are; [N]."""
        return distinct_texts(self.table[name])[1]

    def has_type(self, types: tuple[str, ...]) -> np.ndarray:
        """Which events are of one of some types; [N] bool."""
        return has_type(self.table, types)

    def is_engaged(self, layout: TableLayout) -> np.ndarray:
        """Which events are neither exposures nor told of the time before the log; [N] bool."""
        return enters_history(self.table, layout) & is_example(self.table, layout)
