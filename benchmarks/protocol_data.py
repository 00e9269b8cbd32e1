"""The pipeline's input, made by a protocol instead of by time."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf import text_format

from benchmarks.protocols import REFIT, ProtocolSplit, split_by_protocol
from pipeline.canonical import PreparedData, prepare
from pipeline.config.run import RunConfig
from pipeline.history import user_histories
from pipeline.schema_files import curated_files, read_schema
from pipeline.splits import SPLITS
from schemas.features import ITEM_ID, RARE_ITEM_ID, TIMESTAMP, USER_ID, Stream


def prepare_protocol(
    config: RunConfig, protocol: str, seed: int, folder: Path, min_users: int = 1
) -> tuple[PreparedData, ProtocolSplit]:
    """Prepares a source, and splits it anew by a protocol.

    A pair of user and item that occurs more than once counts the first time.

    Args:
      config: Of the run; its own split does not matter.
      protocol: See :mod:`benchmarks.protocols`.
      seed: Of the protocol's draws.
      folder: Gets the new input.
      min_users: Items that fewer users engaged with are left out.
    """
    data = prepare(config)
    log = whole_log(data, min_users)
    split = split_by_protocol(log, data.layout, protocol, seed, config.features.history_length)
    known = log.filter(pa.array(~is_in_test(log, split)))
    return replace(write_input(data, split.tables, log, known, folder), refit_splits=(REFIT,)), split


def with_protocol_schema(config: RunConfig, folder: Path) -> RunConfig:
    """The configuration with schemas that do not say what share of the examples has a feature.

    A curated one says it of events; the test split of a protocol has one example a user.

    Args:
      config: Of the run.
      folder: Gets the schemas, if the source has curated ones.
    """
    curated = curated_files(config)
    if curated is None:
        return config
    folder.mkdir(parents=True, exist_ok=True)
    for path in curated.values():
        schema = read_schema(path)
        for feature in schema.feature:
            if feature.presence.min_fraction < 1:
                feature.presence.ClearField("min_fraction")
        (folder / path.name).write_text(text_format.MessageToString(schema), encoding="utf-8")
    return config.model_copy(update={"schema_dir": folder})


def write_input(
    data: PreparedData, tables: dict[str, pa.Table], log: pa.Table, known: pa.Table, folder: Path
) -> PreparedData:
    """Writes the pipeline's input.

    Args:
      data: What the source is otherwise.
      tables: The splits, with histories.
      log: All interactions; the corpus is what they are with.
      known: Those that a server knows of its users.
      folder: Gets the new input; what is there goes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name, table in tables.items():
        part = folder / Stream.INTERACTIONS.value / name
        part.mkdir(parents=True)
        names = [feature.name for feature in data.features.of(Stream.INTERACTIONS)]
        pq.write_table(table.select(names), part / "part-00000.parquet", row_group_size=1 << 14)
    _copy_items(data, folder, log)
    shutil.copy(data.users_path, folder / data.users_path.name)
    pq.write_table(user_histories(known, data.layout), folder / data.histories_path.name)
    counts = {name: {"interactions": table.num_rows} for name, table in tables.items()}
    summary = {**data.summary, "splits": counts}
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    return replace(data, root=folder, summary=summary)


def whole_log(data: PreparedData, min_users: int) -> pa.Table:
    """All interactions without their histories, each pair once, each user's in the order of time."""
    tables = [pq.read_table(data.stream_dir(Stream.INTERACTIONS) / split) for split in SPLITS]
    names = [name for name in tables[0].column_names if not name.startswith("history_")]
    log = pa.concat_tables([table.select(names) for table in tables])
    keys = log.select([USER_ID, ITEM_ID, TIMESTAMP]).to_pandas()
    keys = keys[keys[ITEM_ID] != RARE_ITEM_ID]  # many items under one id, and in no corpus
    keys = keys.sort_values(TIMESTAMP, kind="stable").drop_duplicates([USER_ID, ITEM_ID])
    users = keys[ITEM_ID].value_counts()
    keys = keys[keys[ITEM_ID].map(users) >= min_users]
    return log.take(pa.array(keys.index.to_numpy()))


def _copy_items(data: PreparedData, folder: Path, log: pa.Table) -> None:
    """The corpus: of the items, those that the log has."""
    corpus = folder / Stream.ITEMS.value / "corpus"
    corpus.mkdir(parents=True)
    items = pq.read_table(data.stream_dir(Stream.ITEMS) / "corpus")
    kept = items[ITEM_ID].to_pandas().isin(log[ITEM_ID].to_pandas().unique())
    pq.write_table(items.filter(pa.array(kept.to_numpy())), corpus / "part-00000.parquet")


def is_in_test(log: pa.Table, split: ProtocolSplit) -> pd.Series:
    """[E] bool: the test events of a log."""
    users = split.tables["test"][USER_ID].take(pa.array(split.query)).to_pandas()
    test = pd.MultiIndex.from_arrays([users, split.relevant.to_pandas()])
    everything = pd.MultiIndex.from_frame(log.select([USER_ID, ITEM_ID]).to_pandas())
    return everything.isin(test)
