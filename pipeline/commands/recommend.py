"""`recstack recommend`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from pipeline.console import native_output_to, out
from pipeline.datasets.raw_file import RawFile
from pipeline.datasets.reading import as_texts
from pipeline.privacy.pseudonyms import PseudonymKey
from schemas.features import ITEM_ID, TITLE, USER_ID, VALUE
from serving.recommend import (
    RANK,
    RETRIEVAL_SCORE,
    BundleRecommender,
    check_output,
    recommend_in_bulk,
)

_HISTORY_LENGTH = 5


def recommend_to_one(bundle: Path, key: PseudonymKey | None, user_id: str, k: int) -> None:
    """Prints what a user did last and what is recommended.

    Raises:
      InputError: There is no bundle, or it needs another key.
    """
    with native_output_to() as console, console.status("loading the bundle"):
        recommender = BundleRecommender(bundle, key)
        history = recommender.history(user_id, _HISTORY_LENGTH)
        answers = recommender.top_k([user_id], k)
    if history is None:
        out.print(f"user {user_id} is not known: what follows is for somebody without a history")
    else:
        out.print(_history_table(user_id, history))
    out.print(_recommendations_table(user_id, answers, recommender))


def recommend_to_many(
    bundle: Path, key: PseudonymKey | None, users: Path, column: str, k: int, output: Path
) -> None:
    """Writes recommendations for each distinct user of a file.

    Raises:
      InputError: A file cannot be read or written, there is no bundle, or it needs another key.
    """
    check_output(output)
    ids = _distinct_ids(RawFile(users), column)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with native_output_to() as console, Progress(*columns, console=console) as progress:
        task = progress.add_task("loading the bundle", total=len(ids))
        recommender = BundleRecommender(bundle, key)
        progress.update(task, description="recommending")
        recommend_in_bulk(recommender, ids, k, output, lambda count: progress.advance(task, count))
    out.print(f"{output}: recommendations for {len(ids):,} users, from version {recommender.version}")


def _distinct_ids(file: RawFile, column: str) -> list[str]:
    """The user ids of a file, in the order of their first rows; rows without one are left out."""
    ids = [as_texts(raw.table[USER_ID], column).drop_null().unique() for raw in file.read({USER_ID: column})]
    return list(dict.fromkeys(user_id for part in ids for user_id in part.to_pylist()))


def _history_table(user_id: str, history: pa.Table) -> Table:
    table = Table(title=f"user {user_id}: last interactions", title_justify="left", box=None)
    table.add_column("item", justify="right")
    table.add_column("title")
    if VALUE in history.column_names:
        table.add_column("value", justify="right")
    for row in history.to_pylist():
        value = [f"{row[VALUE]:g}"] if VALUE in row else []
        table.add_row(row[ITEM_ID], row[TITLE], *value)
    return table


def _recommendations_table(user_id: str, answers: pa.Table, recommender: BundleRecommender) -> Table:
    title = f"user {user_id}: recommendations (bundle version {recommender.version})"
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("rank", justify="right")
    table.add_column("item", justify="right")
    table.add_column("title")
    for name in ("retrieval", *recommender.tasks):
        table.add_column(name, justify="right")
    for row in answers.to_pylist():
        scores = [f"{row[name]:.3f}" for name in (RETRIEVAL_SCORE, *recommender.tasks)]
        table.add_row(str(row[RANK]), row[ITEM_ID], row[TITLE], *scores)
    return table
