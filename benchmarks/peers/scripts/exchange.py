"""What a peer's script reads and writes.

It runs in the peer's environment and imports nothing of ours; this file needs the standard library and NumPy
alone, which every peer has. The folder of a split holds `train.csv` (user, item, value, time) and what is
asked: `queries.csv` (user), of whom 20 items that they do not have in training are wanted, or `pairs.csv`
(user, item), of which values are.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

LIST_LENGTH = 20


@dataclass(frozen=True)
class Ratings:
    """Training interactions as numbers.

    Attributes:
      users: [E] int32 rows of `user_ids`.
      items: [E] int32 rows of `item_ids`.
      values: [E] float32.
      times: [E] int64 seconds.
      user_ids: [U], sorted.
      item_ids: [N], sorted.
    """

    users: np.ndarray
    items: np.ndarray
    values: np.ndarray
    times: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray

    def matrix(self, binary: bool = True) -> Any:
        """[U, N] SciPy CSR matrix of ones, or of the values."""
        import scipy.sparse as sp

        data = np.ones(len(self.users), np.float32) if binary else self.values
        return sp.csr_matrix((data, (self.users, self.items)), (len(self.user_ids), len(self.item_ids)))


@dataclass(frozen=True)
class Exchange:
    """One run of a peer.

    Attributes:
      package: Name of the peer's distribution.
      folder: Of the split.
      answers: JSON lines: one a model, written as soon as it is there.
      seed: Of the models.
    """

    package: str
    folder: Path
    answers: Path
    seed: int

    @classmethod
    def from_arguments(cls, package: str) -> Exchange:
        """Reads the command line."""
        parser = argparse.ArgumentParser()
        parser.add_argument("folder", type=Path)
        parser.add_argument("answers", type=Path)
        parser.add_argument("--seed", type=int, default=42)
        arguments = parser.parse_args()
        return cls(package, arguments.folder, arguments.answers, arguments.seed)

    @property
    def asks_for_values(self) -> bool:
        """Whether values are asked for, not lists."""
        return (self.folder / "pairs.csv").is_file()

    def expect(self, values: bool) -> None:
        """Ends the script, with a message, where a split asks for what the peer does not answer.

        Args:
          values: Whether it answers values, not lists.
        """
        if values != self.asks_for_values:
            raise SystemExit(
                f"{self.package} answers {'values' if values else 'lists'} alone in this benchmark"
            )

    def columns(self, name: str) -> dict[str, list[str]]:
        """A file's columns as texts."""
        with (self.folder / name).open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        return dict(zip(header, map(list, zip(*rows)), strict=True))  # noqa: B905  (columns of one file)

    def ratings(self) -> Ratings:
        """The training interactions."""
        columns = self.columns("train.csv")
        user_ids, users = np.unique(columns["user"], return_inverse=True)
        item_ids, items = np.unique(columns["item"], return_inverse=True)
        values = np.array(columns["value"], np.float32)
        times = np.array(columns["time"], np.int64)
        return Ratings(users.astype(np.int32), items.astype(np.int32), values, times, user_ids, item_ids)

    def queries(self, ratings: Ratings) -> np.ndarray:
        """[Q] rows of the users that are asked for and that training has."""
        asked = self.columns("queries.csv")["user"]
        return np.flatnonzero(np.isin(ratings.user_ids, asked))

    def run(self, model: str, settings: dict[str, Any], answer: Callable[[], Any]) -> None:
        """Runs a model, and writes what it answers or why it does not.

        Args:
          model: Its name.
          settings: That differ from the library's defaults.
          answer: Gives lists, user to items, best first; or values, in the order of the pairs.
        """
        since = time.monotonic()
        line: dict[str, Any] = {"model": model, "settings": settings, "version": version(self.package)}
        try:
            line["answer"] = answer()
        except Exception as error:  # one model's fault must not cost the others
            line["error"] = f"{type(error).__name__}: {error}"
        line["seconds"] = round(time.monotonic() - since, 2)
        line["peak_mb"] = peak_mb()
        with self.answers.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def peak_mb() -> int | None:
    """The largest resident set of this program so far, in MiB; `None` where Linux does not tell.

    What `getrusage` tells would start from the process that began this one.
    """
    status = Path("/proc/self/status")
    text = status.read_text(encoding="utf-8") if status.is_file() else ""
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return round(int(found[1]) / 1024) if found else None


def lists_of(
    ratings: Ratings, queries: Sequence[int] | np.ndarray, items: np.ndarray, valid: np.ndarray
) -> dict[str, list[str]]:
    """Lists by id.

    Args:
      ratings: Says the ids.
      queries: [Q] rows of users.
      items: [Q, K] rows of items, best first.
      valid: [Q, K] bool, false for no more.
    """
    return {
        str(ratings.user_ids[user]): ratings.item_ids[row[kept]].tolist()
        for user, row, kept in zip(queries, items, valid, strict=True)
    }
