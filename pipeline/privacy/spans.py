"""Prepared data, as erasure sees them: one folder a span, each with tables and a summary."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.files import replaced
from pipeline.locking import exclusive
from pipeline.privacy.pseudonyms import PseudonymKey
from schemas.features import EVENT_TYPE, ITEM_ID, USER_ID, Stream

SUMMARY_FILE = "summary.json"
KEY_ENTRY = "pseudonym_key"  # in the summary: the fingerprint of the key of the span's pseudonyms
_TRAIN = "train"


def check_keys(data_dir: Path, key: PseudonymKey | None) -> None:
    """Refuses to look for somebody in data of another key: not to find them would prove nothing.

    Args:
      data_dir: The folder of the spans; it need not be there.
      key: Of the pseudonyms; `None` for raw ids.

    Raises:
      InputError: A span's summary names another key.
    """
    for path in sorted(data_dir.glob(f"*/{SUMMARY_FILE}")):
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
    users: set[str] = set()
    for split, counts in summary.get("splits", {}).items():
        table = _interactions(span / Stream.INTERACTIONS.value / split)
        if table is None:
            continue
        ids = pc.unique(table[USER_ID]).drop_null()
        users.update(ids.to_pylist())
        found = {"interactions": table.num_rows, "users": len(ids), "items": _distinct(table, ITEM_ID)}
        counts.update({name: count for name, count in found.items() if name in counts})
        if split == _TRAIN and summary.get("event_types") and EVENT_TYPE in table.column_names:
            summary["event_types"] = _frequencies(table[EVENT_TYPE])
    if "users" in summary:
        summary["users"] = len(users)
    if summary != before:
        with replaced(path) as file:
            file.write(json.dumps(summary, indent=2, ensure_ascii=False).encode())


def _read(path: Path) -> dict[str, Any]:
    """A span's summary."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged: remove {path.parent}, it is prepared again") from error


def _interactions(folder: Path) -> pa.Table | None:
    """The columns of a split that are counted; `None` without files."""
    tables = []
    for path in sorted(folder.glob("*.parquet")):
        names = [name for name in pq.read_schema(path).names if name in (USER_ID, ITEM_ID, EVENT_TYPE)]
        tables.append(pq.read_table(path, columns=names))
    return pa.concat_tables(tables) if tables else None


def _distinct(table: pa.Table, column: str) -> int:
    return pc.count_distinct(table[column]).as_py()


def _frequencies(column: pa.ChunkedArray) -> dict[str, Any]:
    """How often each value occurs, the most frequent first."""
    counts = pc.value_counts(column.drop_null()).to_pylist()
    counts.sort(key=lambda entry: -entry["counts"])
    return {str(entry["values"]): entry["counts"] for entry in counts}
