"""Prepared data, as erasure sees them: one folder a span, each with tables and a summary."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.files import replaced
from pipeline.locking import exclusive
from pipeline.privacy.pseudonyms import PseudonymKey
from pipeline.splits import TRAIN
from schemas.features import EVENT_TYPE, ITEM_ID, USER_ID, Stream

SUMMARY_FILE = "summary.json"
KEY_ENTRY = "pseudonym_key"  # in summaries and manifests: the fingerprint of the pseudonyms' key
_WAITING_VALUES = 1 << 20


class _Distinct:
    """The distinct values of a column that comes in pieces; memory goes with them, not with the rows."""

    def __init__(self) -> None:
        self._values = pa.array([], pa.string())
        self._pieces: list[pa.Array] = []
        self._waiting = 0

    @property
    def values(self) -> pa.Array:
        """[N] strings."""
        self._values = pc.unique(pa.concat_arrays([self._values, *self._pieces]))
        self._pieces, self._waiting = [], 0
        return self._values

    def add(self, column: pa.Array) -> None:
        """Adds a piece; nulls are no value."""
        piece = pc.unique(column.cast(pa.string())).drop_null()
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > max(_WAITING_VALUES, len(self._values)):  # seldom, so that time stays linear
            _ = self.values


def check_keys(run_dir: Path, key: PseudonymKey | None) -> None:
    """Refuses to look for somebody in data of another key: not to find them would prove nothing.

    Args:
      run_dir: The run's folder.
      key: Of the pseudonyms; `None` for raw ids.

    Raises:
      InputError: A summary of prepared data, or a bundle's manifest, names another key.
    """
    for record in (SUMMARY_FILE, "manifest.json"):
        for path in sorted(run_dir.rglob(record)):
            made_with = _read(path).get(KEY_ENTRY)
            if made_with is not None and (key is None or key.fingerprint != made_with):
                raise InputError(
                    f"{path.parent} has pseudonyms of the key {made_with}, and "
                    f"{'no key was given' if key is None else f'the key {key.fingerprint} was given'}: "
                    "nobody can be found there; give that key, or remove the folder"
                )


def clear_staging(data_dir: Path) -> None:
    """Waits for preparations that are under way, and removes what killed ones left.

    Raises:
      OSError: A folder cannot be removed.
    """
    for lock in sorted(data_dir.glob("*.lock")):
        with exclusive(lock):
            staging = lock.with_suffix(".staging")
            if staging.exists():
                shutil.rmtree(staging)


def recount(span: Path) -> None:
    """Counts anew, in a span's summary, what its tables hold.

    From the tables, not by subtraction, so that it may be done twice.

    Raises:
      OSError: A file cannot be read or written.
    """
    path = span / SUMMARY_FILE
    if not path.is_file():
        return
    before, summary = _read(path), _read(path)
    users = _Distinct()
    for split, counts in summary.get("splits", {}).items():
        found = _count(span / Stream.INTERACTIONS.value / split, users)
        counts.update({name: found[name] for name in counts if name in found})
        if split == TRAIN and summary.get("event_types"):
            summary["event_types"] = dict(found["event_types"].most_common())
    if "users" in summary:
        summary["users"] = len(users.values)
    if summary != before:
        with replaced(path) as file:
            file.write(json.dumps(summary, indent=2, ensure_ascii=False).encode())


def _read(path: Path) -> dict[str, Any]:
    """A span's summary."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged: remove {path.parent}, a run makes it again") from error


def _count(folder: Path, users: _Distinct) -> dict[str, Any]:
    """What a split's tables hold; adds its users to those of the others."""
    rows, split_users, items = 0, _Distinct(), _Distinct()
    event_types: Counter[str] = Counter()
    for path in sorted(folder.glob("*.parquet")):
        with path.open("rb") as file:
            table = pq.ParquetFile(file)
            rows += table.metadata.num_rows
            names = [name for name in (USER_ID, ITEM_ID, EVENT_TYPE) if name in table.schema_arrow.names]
            for batch in table.iter_batches(columns=names):
                split_users.add(batch.column(names.index(USER_ID)))
                items.add(batch.column(names.index(ITEM_ID)))
                if EVENT_TYPE in names:
                    counts = pc.value_counts(batch.column(names.index(EVENT_TYPE)).drop_null())
                    event_types.update({str(e["values"]): e["counts"] for e in counts.to_pylist()})
    users.add(split_users.values)
    return {
        "interactions": rows,
        "users": len(split_users.values),
        "items": len(items.values),
        "event_types": event_types,
    }
