"""A protocol's split as files that any library reads: CSV, a line an interaction.

train.csv    user, item, value, time: what may be learnt from
queries.csv  user: of whom lists are asked                  (protocols of lists)
pairs.csv    user, item: of which values are asked          (protocol `rating`)
test.csv     user, item, value, time: the answers, for the judge alone
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from benchmarks.protocol_data import is_in_test, whole_log
from benchmarks.protocols import split_by_protocol
from benchmarks.rating_folds import NUM_FOLDS, draw_folds, part
from pipeline.canonical import prepare
from pipeline.config.run import RunConfig
from schemas.features import ITEM_ID, TIMESTAMP, USER_ID, VALUE, TableLayout

RATING = "rating"
COLUMNS = {"user": USER_ID, "item": ITEM_ID, "value": VALUE, "time": TIMESTAMP}
TRAIN_FILE, TEST_FILE, QUERIES_FILE, PAIRS_FILE = "train.csv", "test.csv", "queries.csv", "pairs.csv"


def write_split(
    config: RunConfig, protocol: str, seed: int, folder: Path, min_users: int = 1, num_folds: int = NUM_FOLDS
) -> list[Path]:
    """Writes a protocol's split.

    Peers learn from what a query of the test split knows: training and eval events both, as our own models
    do in the end.

    Args:
      config: Of the data.
      protocol: `rating`, or one of :mod:`benchmarks.protocols`.
      seed: Of its draws.
      folder: Gets the files; those of `rating` go to a sub-folder a fold.
      min_users: Items that fewer users engaged with are left out.
      num_folds: Of `rating`.

    Returns:
      The folders, one, or one a fold.
    """
    data = prepare(config.model_copy(update={"output": folder / "prepared"}))
    log = whole_log(data, min_users)
    if protocol == RATING:
        return write_folds(log, seed, folder, num_folds)
    train, test = lists_split(log, data.layout, protocol, seed, config.features.history_length)
    write_files(train, test, folder, asks_for_values=False)
    return [folder]


def write_folds(log: pa.Table, seed: int, folder: Path, num_folds: int = NUM_FOLDS) -> list[Path]:
    """Writes the folds of `rating`; see :func:`write_split`."""
    folds = draw_folds(log.num_rows, seed, num_folds)
    folders = [folder / f"fold-{fold}" for fold in range(num_folds)]
    for fold, each in enumerate(folders):
        write_files(*part(log, folds, fold), each, asks_for_values=True)
    return folders


def lists_split(
    log: pa.Table, layout: TableLayout, protocol: str, seed: int, history_length: int
) -> tuple[pa.Table, pa.Table]:
    """What is known, and what is tested.

    Args:
      log: All interactions.
      layout: Its optional columns.
      protocol: One of :mod:`benchmarks.protocols`.
      seed: Of its draws.
      history_length: Of a training example.
    """
    split = split_by_protocol(log, layout, protocol, seed, history_length)
    if split.timeless:
        # Neither the times nor the order of the lines may tell.
        log = log.sort_by([(USER_ID, "ascending"), (ITEM_ID, "ascending")])
        timestamp = pa.scalar(int(np.median(log[TIMESTAMP].to_numpy())), pa.int64())
        same = pa.array(np.full(log.num_rows, timestamp.as_py()), pa.int64())
        log = log.set_column(log.column_names.index(TIMESTAMP), TIMESTAMP, same)
    tested = np.asarray(is_in_test(log, split))
    return log.filter(pa.array(~tested)), log.filter(pa.array(tested))


def write_files(train: pa.Table, test: pa.Table, folder: Path, asks_for_values: bool) -> None:
    """Writes one split.

    Args:
      train: Canonical interactions; a value that the source does not have is 1.
      test: Likewise.
      folder: Made if it is not there.
      asks_for_values: Whether peers are asked for values, not lists.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table, name in ((train, TRAIN_FILE), (test, TEST_FILE)):
        _write(_renamed(table), folder / name)
    if asks_for_values:
        _write(_renamed(test).select(["user", "item"]), folder / PAIRS_FILE)
    else:
        users = pc.unique(test[USER_ID])
        _write(pa.table({"user": users.take(pc.sort_indices(users))}), folder / QUERIES_FILE)


def _renamed(table: pa.Table) -> pa.Table:
    """The columns of the files."""
    ones = pa.array(np.ones(table.num_rows, np.float32))
    return pa.table({name: table[of] if of in table.column_names else ones for name, of in COLUMNS.items()})


def _write(table: pa.Table, path: Path) -> None:
    pa.csv.write_csv(table, path)


def read_split_file(path: Path) -> pa.Table:
    """Reads a file; ids are texts."""
    types = {"user": pa.string(), "item": pa.string(), "value": pa.float32(), "time": pa.int64()}
    options = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return pa.csv.read_csv(path, convert_options=options)
