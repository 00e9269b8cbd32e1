"""Directs the preparation: catalogue, the workers' steps, and what all shards have in common."""

from __future__ import annotations

import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.config.data import SplitConfig, VectorsFile
from pipeline.datasets.spans import SpanPlan
from pipeline.errors import AnomalyError, InputError
from pipeline.preparation.catalogue import Catalogue, load_items, load_users, with_missing_items
from pipeline.preparation.clean_shard import ShardReport, read_report
from pipeline.preparation.finish_shard import FinishSettings, split_items_path
from pipeline.preparation.ingest import ID_COLUMNS
from pipeline.preparation.look_alikes import LookAlikes
from pipeline.preparation.rejects import RejectCounts, write_rejects
from pipeline.preparation.settings import PreparationSettings
from pipeline.preparation.spill import read_arrow, write_arrow
from pipeline.progress import PROGRESS_LOGGER
from pipeline.splits import SPLITS, TimeBoundaries, check_not_empty, time_boundaries
from pipeline.time_histogram import TimeHistogram
from schemas.features import ITEM_ID

_progress = logging.getLogger(PROGRESS_LOGGER)


@dataclass(frozen=True)
class AllShards:
    """What the shards have in common.

    Attributes:
      clean_files: The shards that hold rows.
      counts: Rows read and rejected so far.
      items: `item_id`, and `users`, how many people each item has; [I].
      times: When the events happened.
      look_alikes: How many user and item ids differ from another only in case or white space.
    """

    clean_files: tuple[Path, ...]
    counts: RejectCounts
    items: pa.Table
    times: TimeHistogram
    look_alikes: dict[str, int]


def prepare_tables(
    settings: PreparationSettings,
    split: SplitConfig,
    vectors: Mapping[str, VectorsFile],
    pipeline_args: Sequence[str],
    users_path: Path,
    histories_path: Path,
) -> tuple[pa.Table, dict[str, Any]]:
    """Writes interactions, users, histories and the quarantine into `settings.folder`.

    Args:
      settings: The settings; the folder exists and is empty.
      split: The shares of the splits.
      vectors: Files with vectors of items, by the features' names.
      pipeline_args: Beam's options.
      users_path: Where the canonical users are written.
      histories_path: Where the users' histories are written.

    Returns:
      The canonical items, and counts for people.

    Raises:
      InputError: A source cannot be read, or a split is empty.
      AnomalyError: Too many rows were rejected.
    """
    from pipeline.preparation.jobs import finish, ingest_and_clean  # Beam takes its time

    items = load_items(settings.adapter.items(), settings.layout, vectors)
    users = load_users(settings.adapter, settings.layout, settings.key, settings.erased, settings.min_users)
    for name, catalogue in (("items", items), ("users", users)):
        rules = write_rejects(catalogue.rejects, settings.quarantine_dir / f"{name}.parquet")
        catalogue.counts.add(0, rules)
        _refuse_too_many(catalogue.counts, name, settings)
    pq.write_table(users.table, users_path)
    _progress.info("reading and cleaning the interactions")
    ingest_and_clean(settings, pipeline_args)
    shards = _merge_reports(settings)
    boundaries = _boundaries(shards.times, split, settings.spans)
    _progress.info("joining %s interactions with their histories", f"{shards.times.total:,}")
    finish_settings = _finish_settings(shards, settings, boundaries, users_path)
    finish([str(path) for path in shards.clean_files], settings, finish_settings, pipeline_args)
    _merge_histories(settings, histories_path)
    summary = _summary(settings, shards, items, users, boundaries)
    used = _listed_items(shards, settings)
    shutil.rmtree(settings.spill_dir)
    return with_missing_items(items.table, used), summary


def _boundaries(times: TimeHistogram, split: SplitConfig, spans: SpanPlan | None) -> TimeBoundaries:
    """Where the splits meet: as the spans say, or by shares."""
    if spans is None:
        return time_boundaries(times, split)
    days = f"{spans.window[0].day} to {spans.window[-1].day}"
    remedy = f"the spans of {days} hold no events of those days (UTC) for it"
    check_not_empty(times, spans.boundaries, remedy, spans.examples_from)
    return spans.boundaries


def _refuse_too_many(counts: RejectCounts, table: str, settings: PreparationSettings) -> None:
    """Stops if more rows are faulty than the configuration allows."""
    if counts.fault_share <= settings.cleaning.max_rejected:
        return
    rules = ", ".join(f"{rule} {count:,}" for rule, count in counts.rules.most_common())
    raise AnomalyError(
        f"{counts.fault_share:.1%} of the {counts.read:,} rows of {table} were rejected, and "
        f"cleaning.max_rejected allows {settings.cleaning.max_rejected:.1%} ({rules})" + _hint(counts)
    )


def _hint(counts: RejectCounts) -> str:
    """What a frequent fault usually comes from."""
    rule = counts.rules.most_common(1)[0][0]
    hints = {
        "impossible_time": "is the unit of the timestamps right (s, ms, iso)?",
        "unparsable_value": "are the timestamps' unit and the values' column right?",
        "unparsable_row": "is the separator right, and do cells with a separator stand in quotes?",
        "not_utf8": "is the file encoded as UTF-8?",
        "duplicate": "was a file given twice?",
    }
    return f"; {hints[rule]}" if rule in hints else ""


def _merge_reports(settings: PreparationSettings) -> AllShards:
    """Adds up what the first two steps reported.

    Raises:
      AnomalyError: Too many rows were rejected.
      InputError: No row is left.
    """
    counts = RejectCounts()
    parts = sorted(settings.spill_dir.glob("part-*.json"))
    for path in parts:
        report = json.loads(path.read_text(encoding="utf-8"))
        counts.add(report["read"], report["rules"])
    look_alikes = {
        name: LookAlikes(read_arrow(path.with_suffix(f".{name}.arrow")) for path in parts).count()
        for name in ID_COLUMNS
    }
    clean_files, items, times = [], [], TimeHistogram(np.zeros(0, np.int64), np.zeros(0, np.int64))
    for path, shard in _reports(settings):
        counts.add(0, shard.rules)
        times = times.plus(shard.times)
        items.append(shard.items)
        if shard.rows:
            clean_files.append(path)
    _refuse_too_many(counts, "interactions", settings)
    if not clean_files:
        raise InputError("there are no interactions left to learn from")
    table = pa.concat_tables(items).group_by(ITEM_ID).aggregate([("users", "sum")])
    table = table.select([ITEM_ID, "users_sum"]).rename_columns([ITEM_ID, "users"])
    return AllShards(tuple(clean_files), counts, table.sort_by(ITEM_ID), times, look_alikes)


def _reports(settings: PreparationSettings) -> Iterator[tuple[Path, ShardReport]]:
    for path in sorted(settings.spill_dir.glob("shard-*.clean.arrow")):
        yield path, read_report(path)


def _rare(shards: AllShards, fewest: int) -> pa.Table:
    """Items with fewer users."""
    return shards.items.filter(pc.less(shards.items["users"], fewest if fewest > 1 else 0))


def _finish_settings(
    shards: AllShards, settings: PreparationSettings, boundaries: TimeBoundaries, users: Path
) -> FinishSettings:
    """Writes what the third step reads in every worker."""
    rare, folded = settings.spill_dir / "rare_items.arrow", settings.spill_dir / "folded_items.arrow"
    write_arrow(_rare(shards, settings.cleaning.min_item_users), rare)
    write_arrow(_rare(shards, settings.min_users), folded)
    return FinishSettings(boundaries, rare, folded, users.resolve())


def _listed_items(shards: AllShards, settings: PreparationSettings) -> pa.Array:
    """Ids of items with interactions that are neither dropped nor folded."""
    fewest = max(settings.cleaning.min_item_users, settings.min_users)
    listed = shards.items.filter(pc.greater_equal(shards.items["users"], fewest if fewest > 1 else 0))
    return pa.concat_arrays(listed[ITEM_ID].chunks) if listed.num_rows else pa.array([], pa.string())


def _merge_histories(settings: PreparationSettings, path: Path) -> None:
    """Puts the shards' histories into one file, a row group after another."""
    files = [pq.ParquetFile(f) for f in sorted(settings.spill_dir.glob("histories-*.parquet"))]
    with pq.ParquetWriter(path, files[0].schema_arrow) as writer:
        for file in files:
            for group in range(file.num_row_groups):
                writer.write_table(file.read_row_group(group))


def _summary(
    settings: PreparationSettings,
    shards: AllShards,
    items: Catalogue,
    users: Catalogue,
    boundaries: TimeBoundaries,
) -> dict[str, Any]:
    """Counts and boundaries, for people and for the run's report; `event_types` are the training split's."""
    event_types: Counter[str] = Counter()
    splits = {split: {"interactions": 0, "users": 0} for split in SPLITS}
    num_users = 0
    for path in sorted(settings.spill_dir.glob("histories-*.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        shards.counts.add(0, report["rules"])
        event_types.update(report["event_types"])
        num_users += report["users"]
        for split, counts in report["splits"].items():
            for name, count in counts.items():
                splits[split][name] += count
    for split in SPLITS:
        parts = [
            read_arrow(split_items_path(settings, number, split)) for number in range(len(shards.clean_files))
        ]
        splits[split]["items"] = pc.count_distinct(pa.concat_tables(parts)[ITEM_ID]).as_py()
    tables = {"interactions": shards.counts, "items": items.counts, "users": users.counts}
    spans = {} if settings.spans is None else {"spans": settings.spans.to_json()}
    return {
        **spans,
        "users": num_users,
        "eval_start": _iso(boundaries.eval_start),
        "test_start": _iso(boundaries.test_start),
        "splits": splits,
        "event_types": dict(event_types.most_common()),
        "look_alikes": shards.look_alikes,
        "cleaning": {name: counts.to_dict() for name, counts in tables.items()},
    }


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat()
