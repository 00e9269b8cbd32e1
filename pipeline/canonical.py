"""From a data source to the files that the pipeline's ExampleGens read.

Canonical tables are split by time, each interaction gets the history at its moment and its user's
attributes, and everything is written as Parquet, in a folder named after a digest of what it was
made from, so that unchanged data are not made twice.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.config.run import RunConfig
from pipeline.config.training import TaskConfig
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.registry import open_adapter
from pipeline.datasets.validation import check_layout, check_tables
from pipeline.errors import InputError
from pipeline.history import user_histories, with_history
from pipeline.locking import exclusive
from pipeline.splits import TRAIN, TimeBoundaries, split_by_time, time_boundaries
from schemas.features import (
    EVENT_TYPE,
    ITEM_ID,
    TIMESTAMP,
    USER_ID,
    FeatureSet,
    Stream,
    TableLayout,
    declare_features,
)
from schemas.tables import CanonicalTables

# Goes up when what is written, or how raw values are understood, changes.
FORMAT_VERSION = 2
CORPUS = "corpus"
_SUMMARY_FILE = "summary.json"
_USERS_FILE = "users.parquet"
_HISTORIES_FILE = "histories.parquet"
_SHOWN_EVENT_TYPES = 10


@dataclass(frozen=True)
class PreparedData:
    """The pipeline's input.

    Attributes:
      root: Folder with `interactions/SPLIT/*.parquet`, `items/corpus/*.parquet` and
        `users.parquet`.
      layout: The source's optional columns.
      features: The declared features.
      summary: Counts and boundaries of the splits.
      reused: Whether an earlier run had made it already.
    """

    root: Path
    layout: TableLayout
    features: FeatureSet
    summary: dict[str, Any]
    reused: bool

    def stream_dir(self, stream: Stream) -> Path:
        """Folder of a stream, with one folder a split."""
        return self.root / stream.value

    @property
    def users_path(self) -> Path:
        """The canonical users."""
        return self.root / _USERS_FILE

    @property
    def histories_path(self) -> Path:
        """What each user engaged with, a row a user."""
        return self.root / _HISTORIES_FILE


def prepare(config: RunConfig) -> PreparedData:
    """Makes the pipeline's input, unless it is there already.

    Everything that can be checked without reading the data whole is checked first. Two
    processes may prepare at once: one writes, the other waits for it.

    Raises:
      InputError: The source cannot be read, does not fit the configuration, or leaves a split
        empty; or the output folder cannot be written. No part of the input is left behind.
    """
    adapter = open_adapter(config.data)
    layout = adapter.layout()
    check_layout(layout)
    features = _declare(layout, config)
    for task in config.ranking.tasks:
        _check_task(task, layout)
    adapter.check()
    digest = _digest(adapter, layout, config)
    root = config.run_dir / "data" / digest[:16]
    try:
        reused = _write_once(root, adapter, layout, features, config, digest)
        summary = json.loads((root / _SUMMARY_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot write to {root.parent}: {error.strerror or error}") from error
    for task in config.ranking.tasks:
        _check_event_type(task, summary)
    return PreparedData(root, layout, features, summary, reused)


def _declare(layout: TableLayout, config: RunConfig) -> FeatureSet:
    try:
        return declare_features(layout, config.features.crosses)
    except ValueError as error:
        raise InputError(f"features.crosses: {error}") from error


def _check_task(task: TaskConfig, layout: TableLayout) -> None:
    """A task must have something to learn from."""
    if task.kind == "event" and not layout.has_event_type:
        raise InputError(
            f"ranking.tasks: '{task.name}' needs event types, and the source has none; "
            "map 'event_type' of the interactions or take another kind of task"
        )
    if task.kind != "event" and not layout.has_value:
        raise InputError(
            f"ranking.tasks: '{task.name}' needs values, and the source has none; "
            "map 'value' of the interactions or set tasks of kind 'event'"
        )


def _check_event_type(task: TaskConfig, summary: dict[str, Any]) -> None:
    """A task on event types must have examples of its type."""
    found = summary["event_types"]
    if task.kind == "event" and task.event_type not in found:
        shown = ", ".join(list(found)[:_SHOWN_EVENT_TYPES])
        raise InputError(
            f"ranking.tasks: '{task.name}' learns from events of type '{task.event_type}', and the "
            f"training split has none; its types are {shown}"
        )


def _digest(adapter: DatasetAdapter, layout: TableLayout, config: RunConfig) -> str:
    """Names what the files are made from."""
    parts = [
        FORMAT_VERSION,
        adapter.fingerprint(),
        asdict(layout),
        config.split.model_dump(),
        config.features.history_length,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _write_once(
    root: Path,
    adapter: DatasetAdapter,
    layout: TableLayout,
    features: FeatureSet,
    config: RunConfig,
    digest: str,
) -> bool:
    """Writes the files if they are not there, and says whether they were."""
    if (root / _SUMMARY_FILE).is_file():
        return True
    root.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(root.with_name(f"{root.name}.lock")):
        if (root / _SUMMARY_FILE).is_file():  # another process was quicker
            return True
        tables = adapter.load()
        check_tables(tables, layout)
        _write(root, tables, layout, features, config, digest)
    return False


def _write(
    root: Path,
    tables: CanonicalTables,
    layout: TableLayout,
    features: FeatureSet,
    config: RunConfig,
    digest: str,
) -> None:
    """Writes all files; the folder appears whole or not at all."""
    boundaries = time_boundaries(tables.interactions[TIMESTAMP].to_numpy(), config.split)
    interactions = with_history(tables.interactions, layout, config.features.history_length)
    interactions = _with_user_attributes(interactions, tables.users, layout)
    splits = split_by_time(interactions, boundaries)

    staging = root.with_name(f"{root.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)  # of a process that was killed
    for split, table in splits.items():
        _write_table(table, features, Stream.INTERACTIONS, staging, split)
    _write_table(tables.items, features, Stream.ITEMS, staging, CORPUS)
    pq.write_table(tables.users, staging / _USERS_FILE)
    pq.write_table(user_histories(tables.interactions, layout), staging / _HISTORIES_FILE)
    summary = {"digest": digest, "layout": asdict(layout), **_summary(splits, tables, boundaries)}
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    (staging / _SUMMARY_FILE).write_text(text, encoding="utf-8")
    shutil.rmtree(root, ignore_errors=True)  # somebody took its summary away
    staging.rename(root)


def _write_table(table: pa.Table, features: FeatureSet, stream: Stream, root: Path, split: str) -> None:
    """Writes one split's features, in the order of their declaration."""
    folder = root / stream.value / split
    folder.mkdir(parents=True)
    names = [feature.name for feature in features.of(stream)]
    pq.write_table(table.select(names), folder / "part-00000.parquet")


def _with_user_attributes(interactions: pa.Table, users: pa.Table, layout: TableLayout) -> pa.Table:
    """Joins the users' attributes; they are null for a user without a row. Keeps the order."""
    names = [*layout.user_categories, *layout.user_numbers]
    if not names:
        return interactions
    keys = users[USER_ID].combine_chunks()
    positions = pc.index_in(interactions[USER_ID], keys)
    for name in names:
        interactions = interactions.append_column(name, users[name].combine_chunks().take(positions))
    return interactions


def _summary(
    splits: dict[str, pa.Table], tables: CanonicalTables, boundaries: TimeBoundaries
) -> dict[str, Any]:
    """Counts and boundaries, for people and for the run's report; `event_types` are the training split's."""
    return {
        "items": tables.items.num_rows,
        "users": pc.count_distinct(tables.interactions[USER_ID]).as_py(),
        "eval_start": _iso(boundaries.eval_start),
        "test_start": _iso(boundaries.test_start),
        "splits": {
            name: {
                "interactions": table.num_rows,
                "users": pc.count_distinct(table[USER_ID]).as_py(),
                "items": pc.count_distinct(table[ITEM_ID]).as_py(),
            }
            for name, table in splits.items()
        },
        "event_types": _event_types(splits[TRAIN]),
    }


def _event_types(interactions: pa.Table) -> dict[str, int]:
    """How often each event type occurs, the most frequent first; empty without event types."""
    if EVENT_TYPE not in interactions.column_names:
        return {}
    counts = interactions[EVENT_TYPE].to_pandas().value_counts()
    return {str(name): int(count) for name, count in counts.items()}


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
