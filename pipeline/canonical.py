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
import pyarrow.parquet as pq

from pipeline.config.run import RunConfig
from pipeline.config.training import TaskConfig
from pipeline.datasets.base import DatasetAdapter
from pipeline.datasets.registry import open_adapter
from pipeline.errors import InputError
from pipeline.history import with_history
from pipeline.splits import SPLITS, TimeBoundaries, time_boundaries
from schemas.features import ITEM_ID, TIMESTAMP, USER_ID, FeatureSet, Stream, TableLayout, declare_features
from schemas.tables import CanonicalTables

# Raised when the written files change their meaning.
_FORMAT = 1
CORPUS = "corpus"
_SUMMARY_FILE = "summary.json"


@dataclass(frozen=True)
class PreparedData:
    """The pipeline's input.

    Attributes:
      root: Folder with `interactions/SPLIT/*.parquet` and `items/corpus/*.parquet`.
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


def prepare(config: RunConfig) -> PreparedData:
    """Makes the pipeline's input, unless it is there already.

    Raises:
      InputError: The source cannot be read, does not fit the configuration, or leaves a split
        empty. Nothing is left behind.
    """
    adapter = open_adapter(config.data)
    layout = adapter.layout()
    features = _declare(layout, config)
    for task in config.ranking.tasks:
        _check_task(task, layout)
    adapter.check()
    root = config.run_dir / "data" / _digest(adapter, layout, config)
    reused = (root / _SUMMARY_FILE).is_file()
    if not reused:
        _write(root, adapter.load(), layout, features, config)
    summary = json.loads((root / _SUMMARY_FILE).read_text(encoding="utf-8"))
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


def _digest(adapter: DatasetAdapter, layout: TableLayout, config: RunConfig) -> str:
    """Names what the files are made from."""
    parts = [
        _FORMAT,
        adapter.fingerprint(),
        asdict(layout),
        config.split.model_dump(),
        config.features.history_length,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _write(
    root: Path, tables: CanonicalTables, layout: TableLayout, features: FeatureSet, config: RunConfig
) -> None:
    """Writes all files; the folder appears whole or not at all."""
    boundaries = time_boundaries(tables.interactions[TIMESTAMP].to_numpy(), config.split)
    interactions = with_history(tables.interactions, layout, config.features.history_length)
    interactions = _with_user_attributes(interactions, tables.users, layout)
    masks = boundaries.masks(interactions[TIMESTAMP].to_numpy())
    splits = {split: interactions.filter(pa.array(masks[split])) for split in SPLITS}

    staging = root.with_name(root.name + ".staging")
    shutil.rmtree(staging, ignore_errors=True)
    for split, table in splits.items():
        _write_table(table, features, Stream.INTERACTIONS, staging, split)
    _write_table(tables.items, features, Stream.ITEMS, staging, CORPUS)
    summary = _summary(splits, tables, boundaries)
    (staging / _SUMMARY_FILE).write_text(json.dumps(summary, indent=2), encoding="utf-8")
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
    positions = pa.compute.index_in(interactions[USER_ID], keys)
    for name in names:
        interactions = interactions.append_column(name, users[name].combine_chunks().take(positions))
    return interactions


def _summary(
    splits: dict[str, pa.Table], tables: CanonicalTables, boundaries: TimeBoundaries
) -> dict[str, Any]:
    """Counts, for people and for the run's report."""
    return {
        "items": tables.items.num_rows,
        "users": pa.compute.count_distinct(tables.interactions[USER_ID]).as_py(),
        "eval_start": _iso(boundaries.eval_start),
        "test_start": _iso(boundaries.test_start),
        "splits": {
            name: {
                "interactions": table.num_rows,
                "users": pa.compute.count_distinct(table[USER_ID]).as_py(),
                "items": pa.compute.count_distinct(table[ITEM_ID]).as_py(),
            }
            for name, table in splits.items()
        },
    }


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
