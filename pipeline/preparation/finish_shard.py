"""The third step: histories, attributes and splits of a shard's people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.history import user_histories, with_history
from pipeline.preparation.interactions_table import InteractionsTable
from pipeline.preparation.rejects import write_rejects
from pipeline.preparation.settings import PreparationSettings
from pipeline.preparation.spill import read_arrow, write_arrow
from pipeline.splits import TRAIN, TimeBoundaries, split_by_time
from schemas.features import EVENT_TYPE, ITEM_ID, RARE_ITEM_ID, USER_ID, Stream, TableLayout, declare_features
from schemas.quarantine import Rule

ROWS_PER_GROUP = 1 << 14


@dataclass(frozen=True)
class FinishSettings:
    """What the third step is told beside the settings of all.

    Attributes:
      boundaries: Where the splits meet.
      rare_items: File with the items whose interactions are dropped.
      folded_items: File with the items whose ids are folded.
      users: File with the canonical users.
    """

    boundaries: TimeBoundaries
    rare_items: Path
    folded_items: Path
    users: Path


def finish_shard(number: int, clean_file: str, settings: PreparationSettings, finish: FinishSettings) -> Path:
    """Writes a shard of each split, `interactions/SPLIT/part-NNNNN.parquet`, and its people's histories.

    Args:
      number: Of the shard among those that hold rows.
      clean_file: What the second step wrote.
      settings: The settings.
      finish: What is known of all shards.

    Returns:
      The file of the histories. A report stands beside it: rows, users and items of each split.
    """
    interactions = InteractionsTable(
        read_arrow(Path(clean_file)), tuple(part.name for part in settings.parts)
    )
    interactions.drop(Rule.RARE_ITEM, _is_one_of(interactions.table[ITEM_ID], finish.rare_items))
    interactions.drop(Rule.RARE_USER, _rare_users(interactions, settings))
    name = f"part-{number:05d}"
    rules = write_rejects(interactions.rejects, settings.quarantine_dir / f"finish-{number:05d}.parquet")
    table = _folded(interactions.table, finish.folded_items)
    layout = settings.layout
    since = None if settings.spans is None else settings.spans.examples_from
    examples = with_history(table, layout, settings.history_length, since)
    examples = _with_user_attributes(examples, pq.read_table(finish.users), layout)
    features = [f.name for f in declare_features(layout, crosses=()).of(Stream.INTERACTIONS)]
    parts = split_by_time(examples, finish.boundaries)
    for split, rows in parts.items():
        folder = settings.folder / Stream.INTERACTIONS.value / split
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows.select(features), folder / f"{name}.parquet", row_group_size=ROWS_PER_GROUP)
        # Shards share items, so that their numbers do not add up.
        write_arrow(pa.table({ITEM_ID: pc.unique(rows[ITEM_ID])}), split_items_path(settings, number, split))
    path = settings.spill_dir / f"histories-{number:05d}.parquet"
    pq.write_table(user_histories(table, layout), path, row_group_size=ROWS_PER_GROUP)
    report = {
        "rules": rules,
        "users": _distinct(examples[USER_ID]),
        "splits": {
            split: {"interactions": rows.num_rows, "users": _distinct(rows[USER_ID])}
            for split, rows in parts.items()
        },
        "event_types": _event_types(parts[TRAIN], layout),
    }
    path.with_suffix(".json").write_text(json.dumps(report), encoding="utf-8")
    return path


def split_items_path(settings: PreparationSettings, number: int, split: str) -> Path:
    """The file of the items of a split of a shard."""
    return settings.spill_dir / f"items-{number:05d}.{split}.arrow"


def _is_one_of(column: pa.ChunkedArray, file: Path) -> np.ndarray:
    """[N] bool: whether a file's table holds the items."""
    return pc.is_in(column, read_arrow(file)[ITEM_ID].combine_chunks()).to_numpy()


def _rare_users(interactions: InteractionsTable, settings: PreparationSettings) -> np.ndarray:
    """[N] bool: events of people who engaged with too little."""
    users = interactions.codes(USER_ID)
    engaged = ~interactions.has_type(settings.layout.exposure_types)
    counts = np.bincount(users[engaged], minlength=users.max(initial=-1) + 1)
    return counts[users] < settings.cleaning.min_user_events


def _folded(table: pa.Table, file: Path) -> pa.Table:
    """Item ids of too few people replaced by one for all of them."""
    folded = pa.array(_is_one_of(table[ITEM_ID], file))
    ids = pc.if_else(folded, pa.scalar(RARE_ITEM_ID), table[ITEM_ID])
    return table.set_column(table.column_names.index(ITEM_ID), table.schema.field(ITEM_ID), ids)


def _with_user_attributes(examples: pa.Table, users: pa.Table, layout: TableLayout) -> pa.Table:
    """Joins the users' attributes; they are null for a user without a row. Keeps the order."""
    names = [*layout.user_categories, *layout.user_numbers]
    if not names:
        return examples
    positions = pc.index_in(examples[USER_ID], users[USER_ID].combine_chunks())
    for name in names:
        examples = examples.append_column(name, users[name].combine_chunks().take(positions))
    return examples


def _distinct(column: pa.ChunkedArray) -> int:
    return pc.count_distinct(column).as_py()


def _event_types(rows: pa.Table, layout: TableLayout) -> dict[str, int]:
    """How often each event type occurs; empty without event types."""
    if not layout.has_event_type:
        return {}
    return {entry["values"]: entry["counts"] for entry in rows[EVENT_TYPE].value_counts().to_pylist()}
