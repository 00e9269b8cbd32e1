"""The first step: reads a part of the source, and spreads its people over the shards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.datasets.raw_table import RawTable
from pipeline.datasets.typed import TypedTable, type_interactions
from pipeline.distinct import distinct_texts
from pipeline.preparation.interactions_table import PART, REQUEST, ROW, InteractionsTable
from pipeline.preparation.look_alikes import LookAlikes
from pipeline.preparation.rejects import without_raw_ids, write_rejects
from pipeline.preparation.settings import PreparationSettings
from pipeline.preparation.spill import SPILL_OPTIONS, write_arrow
from pipeline.privacy.pseudonyms import PseudonymKey
from schemas.features import DWELL_SECONDS, ITEM_ID, TIMESTAMP, USER_ID, VALUE
from schemas.feedback import REQUEST_ID
from schemas.quarantine import Rule

ID_COLUMNS = (USER_ID, ITEM_ID)


def ingest_part(number: int, settings: PreparationSettings) -> Iterator[tuple[int, str]]:
    """Reads a part: types it, judges each row by itself, and writes the rest by shards.

    Writes `spill/part-N.json`, how many rows were read and rejected, and a quarantine file.

    Args:
      number: The part's.
      settings: The settings.

    Yields:
      The number of each shard that got rows, and the file that holds them.
    """
    read, rejects, part = 0, [], settings.parts[number]
    key = None if settings.adapter.has_stored_ids(part) else settings.key
    look_alikes = {name: LookAlikes() for name in ID_COLUMNS}
    settings.spill_dir.mkdir(parents=True, exist_ok=True)
    with _ShardWriters(settings, number) as writers:
        for raw in settings.adapter.interactions(part):
            typed = type_interactions(raw, settings.layout, settings.adapter.timestamp_unit)
            read += typed.num_read
            for name, seen in look_alikes.items():
                seen.see(typed.table[name])
            interactions = _judge_rows(typed, number, key, settings)
            if settings.adapter.names_requests:
                interactions.table = _with_requests(interactions.table, raw)
            rejects += [without_raw_ids(typed.rejects, key), *interactions.rejects]
            writers.write(interactions.table)
        yield from writers.files()
    name = f"part-{number:05d}"
    rules = write_rejects(rejects, settings.quarantine_dir / f"{name}.parquet")
    for id_name, seen in look_alikes.items():
        write_arrow(seen.pairs, settings.spill_dir / f"{name}.{id_name}.arrow")
    report = json.dumps({"read": read, "rules": rules})
    (settings.spill_dir / f"{name}.json").write_text(report, encoding="utf-8")


def _judge_rows(
    typed: TypedTable, number: int, key: PseudonymKey | None, settings: PreparationSettings
) -> InteractionsTable:
    """Applies the rules that need no other row; user ids leave it as pseudonyms, if there is a key."""
    table = typed.table
    if key is not None:
        place = table.column_names.index(USER_ID)
        table = table.set_column(place, table.schema.field(USER_ID), key.pseudonyms(table[USER_ID]))
    table = table.append_column(PART, pa.array(np.full(table.num_rows, number, np.int32)))
    table = table.append_column(ROW, pa.array(typed.rows))
    interactions = InteractionsTable(table, tuple(part.name for part in settings.parts))
    erased = settings.erased.mask(table[USER_ID])
    interactions.drop(Rule.ERASED, erased)
    times, limits = interactions.numbers(TIMESTAMP), settings.limits
    interactions.drop(Rule.IMPOSSIBLE_TIME, (times < limits.earliest) | (times >= limits.latest))
    if limits.kept_from is not None:
        interactions.drop(Rule.RETENTION, interactions.numbers(TIMESTAMP) < limits.kept_from)
    if settings.layout.has_value:
        low, high = settings.cleaning.min_value, settings.cleaning.max_value
        interactions.drop(Rule.IMPOSSIBLE_VALUE, _outside(interactions.table[VALUE], low, high))
    if settings.layout.has_dwell:
        longest = settings.cleaning.max_dwell_seconds
        interactions.drop(Rule.IMPOSSIBLE_VALUE, _outside(interactions.table[DWELL_SECONDS], 0, longest))
    return interactions


def _with_requests(table: pa.Table, raw: RawTable) -> pa.Table:
    """With the list that showed each row's item; null if the raw table knows of none."""
    if REQUEST_ID not in raw.table.column_names:
        return table.append_column(REQUEST, pa.nulls(table.num_rows, pa.string()))
    places = np.searchsorted(raw.rows, table[ROW].to_numpy())
    requests = raw.table[REQUEST_ID].take(pa.array(places)).cast(pa.string())
    return table.append_column(REQUEST, requests)


def _outside(column: pa.ChunkedArray, low: float | None, high: float | None) -> np.ndarray:
    """Which values lie outside of bounds; a null lies inside."""
    values = column.to_pandas().to_numpy(np.float64)
    outside = np.zeros(len(values), bool)
    if low is not None:
        outside |= values < low
    if high is not None:
        outside |= values > high
    return outside


def shard_of(user_ids: pa.ChunkedArray, num_shards: int) -> np.ndarray:
    """[N] int64 shard of each user: a hash, the same on every machine and in every run."""
    names, codes = distinct_texts(user_ids)
    hashes = pd.util.hash_array(names.to_numpy(zero_copy_only=False), categorize=False)
    return (hashes % np.uint64(num_shards)).astype(np.int64)[codes]


class _ShardWriters:
    """A file for each shard that gets rows."""

    def __init__(self, settings: PreparationSettings, part: int):
        self._settings = settings
        self._part = part
        self._writers: dict[int, pa.RecordBatchFileWriter] = {}
        self._stack = ExitStack()

    def __enter__(self) -> _ShardWriters:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def write(self, table: pa.Table) -> None:
        """Appends each row to its shard's file."""
        shards = shard_of(table[USER_ID], self._settings.num_shards)
        order = np.argsort(shards, kind="stable")
        table, shards = table.take(pa.array(order)), shards[order]
        found, starts = np.unique(shards, return_index=True)
        for shard, start, end in zip(found, starts, [*starts[1:], len(shards)], strict=False):
            self._writer(int(shard), table.schema).write_table(table.slice(start, end - start))

    def files(self) -> list[tuple[int, str]]:
        """Closes the files, and names them."""
        self._stack.close()
        return [(shard, str(self._path(shard))) for shard in sorted(self._writers)]

    def _path(self, shard: int) -> Path:
        return self._settings.spill_dir / f"shard-{shard:05d}.part-{self._part:05d}.arrow"

    def _writer(self, shard: int, schema: pa.Schema) -> pa.RecordBatchFileWriter:
        if shard not in self._writers:
            writer = pa.ipc.new_file(str(self._path(shard)), schema, options=SPILL_OPTIONS)
            self._writers[shard] = self._stack.enter_context(writer)
        return self._writers[shard]
