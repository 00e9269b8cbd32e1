"""What peers answered, by the same judge and with the same filter as our own lists."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from benchmarks.judge import LIST_LENGTH, judge_lists
from benchmarks.peers.environments import PeerError
from benchmarks.peers.split_files import PAIRS_FILE, TEST_FILE, TRAIN_FILE, read_split_file


def judge_answers(folder: Path, answers: Path) -> list[dict[str, Any]]:
    """Judges what a peer's script wrote.

    Args:
      folder: Of the split; see :mod:`benchmarks.peers.split_files`.
      answers: JSON lines, one a model; there may be none.

    Returns:
      The lines, with `figures` in place of `answer`, or with `error`.
    """
    lines = answers.read_text(encoding="utf-8").splitlines() if answers.is_file() else []
    judge = ValueJudge.of(folder) if (folder / PAIRS_FILE).is_file() else ListJudge.of(folder)
    return [_judged(judge, json.loads(line)) for line in lines]


def _judged(judge: ListJudge | ValueJudge, line: dict[str, Any]) -> dict[str, Any]:
    result = {name: value for name, value in line.items() if name != "answer"}
    if "answer" in line:
        try:
            result["figures"] = judge.figures(line["answer"])
        except PeerError as error:
            result["error"] = str(error)
    return result


@dataclass(frozen=True)
class ListJudge:
    """Judges lists.

    Attributes:
      user_ids: [Q] users with anything to find.
      item_ids: [N] all items.
      seen: [Q, N] what each has in training.
      relevant: [Q, N] what each went for.
    """

    user_ids: pa.Array
    item_ids: pa.Array
    seen: sp.csr_matrix
    relevant: sp.csr_matrix

    @classmethod
    def of(cls, folder: Path) -> ListJudge:
        """Reads a split."""
        train, test = (read_split_file(folder / name) for name in (TRAIN_FILE, TEST_FILE))
        user_ids = pc.unique(test["user"])
        item_ids = pc.unique(pa.concat_tables([train, test])["item"])

        def matrix(table: pa.Table) -> sp.csr_matrix:
            rows = pc.index_in(table["user"], user_ids).fill_null(-1).to_numpy()
            columns = pc.index_in(table["item"], item_ids).to_numpy()
            asked = rows >= 0
            ones = np.ones(int(asked.sum()), np.float32)
            return sp.csr_matrix((ones, (rows[asked], columns[asked])), (len(user_ids), len(item_ids)))

        return cls(user_ids, item_ids, matrix(train), matrix(test))

    def figures(self, lists: Mapping[str, Sequence[str]]) -> dict[str, float]:
        """Figures of lists.

        What a user has in training is left out of his list, and what comes behind moves up; a user without
        a list finds nothing.

        Args:
          lists: User to items, best first.

        Raises:
          PeerError: A list holds an item twice.
        """
        users = pc.index_in(self.user_ids, pa.array(list(lists), pa.string())).fill_null(-1).to_numpy()
        given = list(lists.values())
        rows = [given[user] if user >= 0 else () for user in users]
        lengths = np.array([len(row) for row in rows], np.int64)
        flat = pa.array([item for row in rows for item in row], pa.string())
        items = pc.index_in(flat, self.item_ids).fill_null(-1).to_numpy()
        queries = np.repeat(np.arange(len(rows)), lengths)
        known = items >= 0
        pairs = queries[known] * len(self.item_ids) + items[known]
        if len(np.unique(pairs)) < len(pairs):
            raise PeerError("a list holds an item twice")
        known[known] &= np.asarray(self.seen[queries[known], items[known]]).ravel() == 0
        return asdict(judge_lists(_padded(queries[known], items[known], len(rows)), self.relevant))


def _padded(queries: np.ndarray, items: np.ndarray, num_queries: int) -> np.ndarray:
    """[Q, 20] lists of pairs in the order of the queries; -1 for no more."""
    places = np.arange(len(queries)) - np.searchsorted(queries, queries)
    lists = np.full((num_queries, LIST_LENGTH), -1, np.int64)
    first = places < LIST_LENGTH
    lists[queries[first], places[first]] = items[first]
    return lists


@dataclass(frozen=True)
class ValueJudge:
    """Judges estimates of values.

    Attributes:
      values: [T] float64 what the users gave.
    """

    values: np.ndarray

    @classmethod
    def of(cls, folder: Path) -> ValueJudge:
        """Reads a split."""
        return cls(read_split_file(folder / TEST_FILE)["value"].to_numpy().astype(np.float64))

    def figures(self, estimates: Sequence[float]) -> dict[str, float]:
        """Figures of estimates, in the order of the pairs.

        Raises:
          PeerError: They are not as many as the pairs, or one is no number.
        """
        array = np.array(estimates, np.float64)
        if array.shape != self.values.shape:
            raise PeerError(f"{len(self.values)} values were asked for, and {len(array)} came")
        if not np.isfinite(array).all():
            raise PeerError(f"{int((~np.isfinite(array)).sum())} values are no finite numbers")
        errors = array - self.values
        return {"rmse": float(np.sqrt(np.mean(errors**2))), "mae": float(np.mean(np.abs(errors)))}
