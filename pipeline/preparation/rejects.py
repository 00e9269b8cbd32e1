"""Rejected rows on their way into the quarantine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.privacy.pseudonyms import PseudonymKey
from schemas.features import USER_ID
from schemas.quarantine import DETAIL, NO_FAULTS, NOT_DROPPED, NOT_KEPT, RULE, Rule


def without_raw_ids(rejects: pa.Table, key: PseudonymKey | None) -> pa.Table:
    """What typing rejected, as the quarantine may hold it: with pseudonyms, no raw cell is quoted.

    Args:
      rejects: Records with raw user ids.
      key: Of the pseudonyms; without one the records stay as they are.
    """
    if key is None or rejects.num_rows == 0:
        return rejects
    names = pc.list_element(pc.split_pattern(pc.fill_null(rejects[DETAIL], ""), ":"), 0)
    is_whole_row = pc.equal(rejects[RULE], Rule.UNPARSABLE_ROW.value)
    columns = {
        DETAIL: pc.if_else(is_whole_row, pa.scalar(None, pa.string()), names),
        USER_ID: key.pseudonyms(rejects[USER_ID]),
    }
    return pa.table([columns.get(f.name, rejects[f.name]) for f in rejects.schema], schema=rejects.schema)


def write_rejects(rejects: list[pa.Table], path: Path) -> dict[str, int]:
    """Writes a quarantine file, if there is anything that it may keep.

    Returns:
      How many rows each rule rejected, those that are not kept included.
    """
    if not any(table.num_rows for table in rejects):
        return {}
    table = pa.concat_tables(rejects)
    kept = table.filter(pc.invert(pc.is_in(table[RULE], pa.array([rule.value for rule in NOT_KEPT]))))
    if kept.num_rows:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(kept, path)
    return {entry["values"]: entry["counts"] for entry in table[RULE].value_counts().to_pylist()}


class RejectCounts:
    """How many rows of a table were read, and how many each rule rejected."""

    def __init__(self) -> None:
        self.read = 0
        self.rules: Counter[str] = Counter()

    def add(self, read: int, rules: dict[str, int]) -> None:
        """Adds the counts of a piece."""
        self.read += read
        self.rules.update(rules)

    @property
    def dropped(self) -> int:
        """Rows that were dropped, for whatever reason."""
        kept = {rule.value for rule in NOT_DROPPED}
        return sum(count for rule, count in self.rules.items() if rule not in kept)

    @property
    def fault_share(self) -> float:
        """Share of the rows that are faulty; see `NO_FAULTS`."""
        harmless = {rule.value for rule in NO_FAULTS}
        faults = sum(count for rule, count in self.rules.items() if rule not in harmless)
        return faults / self.read if self.read else 0.0

    def to_dict(self) -> dict[str, object]:
        """For JSON, the frequent rules first."""
        return {"read": self.read, "kept": self.read - self.dropped, "rules": dict(self.rules.most_common())}
