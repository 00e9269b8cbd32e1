"""A split as requests, with what the baselines need of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from pipeline.components.parquet_example_gen import encode_examples
from pipeline.roles import enters_history
from pipeline.splits import SPLITS, TEST, TRAIN
from schemas.features import EVENT_TYPE, HISTORY_ITEM_IDS, ITEM_ID, TIMESTAMP, USER_ID, VALUE
from serving.bundle_settings import BundleSettings
from serving.interactions import read_interactions
from serving.seen import EarlierEvents

_MAX_SCORES = 1 << 24  # of a block of queries with the whole corpus: 128 MiB as float64
_MAX_BLOCK = 512
_MAX_JUDGED = 20_000
_SCALARS = (USER_ID, ITEM_ID, TIMESTAMP, VALUE, EVENT_TYPE)


class JudgedInteractions:
    """The interactions of a split, each at its moment; memory does not grow with interactions times items.

    Those with an item outside of the corpus, whose id was folded, are not judged; of very many, a
    sample is.

    Attributes:
      train: What users engaged with in the splits that were learnt from.
      table: The interactions, each with the history that its example holds.
      item_ids: The corpus.
      is_engaged: [Q] bool: false for what was only shown.
      targets: [Q] corpus rows of the items.
    """

    def __init__(
        self,
        examples_dir: str,
        settings: BundleSettings,
        item_ids: np.ndarray,
        seed: int = 0,
        max_judged: int = _MAX_JUDGED,
        split: str = TEST,
        learnt: Sequence[str] = (TRAIN,),
    ):
        """Reads the interactions.

        Args:
          examples_dir: Artifact folder of the raw interactions.
          settings: Says what features there are.
          item_ids: [N] the corpus' ids, bytes.
          seed: Of the sample.
          max_judged: Interactions that are judged at most.
          split: Whose interactions they are.
          learnt: The splits that the baselines learn from.
        """
        features, layout = settings.feature_set, settings.layout
        self.item_ids = pa.array(item_ids, pa.binary()).cast(pa.string())
        judged = read_interactions(examples_dir, features, split)
        self.table = judged.take(pa.array(self._judged(judged, seed, max_judged)))
        self.is_engaged = enters_history(self.table, layout)
        self.targets = self.rows_of(self.table[ITEM_ID])
        scalars = {name: read_interactions(examples_dir, features, name, _SCALARS) for name in SPLITS}
        engaged = {
            name: table.filter(pa.array(enters_history(table, layout))) for name, table in scalars.items()
        }
        self.train = pa.concat_tables([engaged[name] for name in learnt])
        log = pa.concat_tables([engaged[name] for name in SPLITS])
        self._log_items = log[ITEM_ID].combine_chunks()
        self._log_times = log[TIMESTAMP]
        self._earlier = EarlierEvents(log, self.table)

    def __len__(self) -> int:
        return self.table.num_rows

    def blocks(self, queries: np.ndarray) -> Iterator[np.ndarray]:
        """Cuts numbers of queries into blocks whose scores of the whole corpus fit memory.

        Args:
          queries: [Q] in rising order.
        """
        return score_blocks(queries, len(self.item_ids))

    def requests(self, block: np.ndarray) -> np.ndarray:
        """[B] serialized `tf.Example`s, labels included.

        Their `history_item_ids` are whole, which is what has been seen; the lists beside them
        are as long as in the examples, and end with the same event.
        """
        ids, counts = self._whole_histories(block)
        lists = pa.ListArray.from_arrays(pa.array(np.append(0, np.cumsum(counts)), pa.int32()), ids)
        table = self._rows(block)
        place = table.column_names.index(HISTORY_ITEM_IDS)
        table = table.set_column(place, HISTORY_ITEM_IDS, lists)
        return np.array(list(encode_examples(table)), dtype=object)

    def seen(self, block: np.ndarray) -> sp.csr_matrix:
        """[B, N] bool: what each query's user had engaged with before."""
        ids, counts = self._whole_histories(block)
        return self._matrix(np.repeat(np.arange(len(block)), counts), self.rows_of(ids), len(block))

    def num_earlier(self, block: np.ndarray) -> np.ndarray:
        """[B] how many events of engagement each query's user had before."""
        return self._whole_histories(block)[1]

    @cached_property
    def first_times(self) -> np.ndarray:
        """[N] int64 seconds since 1970 UTC: when each item was first engaged with in any split; the largest
        int64 for one that never was."""
        rows = self.rows_of(self._log_items)
        first = np.full(len(self.item_ids), np.iinfo(np.int64).max)
        np.minimum.at(first, rows[rows >= 0], self._log_times.to_numpy()[rows >= 0])
        return first

    @cached_property
    def is_new(self) -> np.ndarray:
        """[Q] bool: whether the user had not engaged with the item before."""
        everything = np.arange(len(self))
        known = [
            np.asarray(self.seen(block)[np.arange(len(block)), self.targets[block]]).ravel()
            for block in self.blocks(everything)
        ]
        return ~np.concatenate(known).astype(bool)

    @cached_property
    def train_matrix(self) -> sp.csr_matrix:
        """[U, N] bool: who engaged with what in the training split."""
        users = self.train[USER_ID].combine_chunks().dictionary_encode().indices.to_numpy()
        return self._matrix(users, self.rows_of(self.train[ITEM_ID]), int(users.max()) + 1)

    @cached_property
    def train_counts(self) -> np.ndarray:
        """[N] int64 events of each item in what was learnt from."""
        rows = self.rows_of(self.train[ITEM_ID])
        return np.bincount(rows[rows >= 0], minlength=len(self.item_ids))

    def rows_of(self, item_ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Corpus rows of ids; -1 for one that the corpus does not hold."""
        return pc.index_in(item_ids, self.item_ids).fill_null(-1).to_numpy()

    def _judged(self, interactions: pa.Table, seed: int, max_judged: int) -> np.ndarray:
        """Rows of the split that are judged, in order."""
        in_corpus = np.flatnonzero(self.rows_of(interactions[ITEM_ID]) >= 0)
        return np.sort(np.random.default_rng(seed).permutation(in_corpus)[:max_judged])

    def _rows(self, block: np.ndarray) -> pa.Table:
        """Rows of the table, without putting all of it into one piece."""
        near = self.table.slice(block[0], block[-1] - block[0] + 1)
        return near.take(pa.array(block - block[0]))

    def _whole_histories(self, block: np.ndarray) -> tuple[pa.Array, np.ndarray]:
        """All that users had engaged with: ids query by query, and how many each has; [B].

        An example holds the newest, also those from before the log; what is older is in the log.
        """
        kept = self._rows(block)[HISTORY_ITEM_IDS].combine_chunks()
        num_kept = pc.list_value_length(kept).to_numpy()
        older, num_older = self._earlier.rows(block, num_kept)
        ids = pa.concat_arrays([self._log_items.take(pa.array(older)), kept.flatten()])
        numbers = np.arange(len(block))
        queries = np.concatenate([np.repeat(numbers, num_older), np.repeat(numbers, num_kept)])
        order = np.argsort(queries, kind="stable")  # the older ones of a query stay in front
        return ids.take(pa.array(order)), num_older + num_kept

    def _matrix(self, rows: np.ndarray, columns: np.ndarray, num_rows: int) -> sp.csr_matrix:
        known = columns >= 0
        ones = np.ones(int(known.sum()), bool)
        return sp.csr_matrix((ones, (rows[known], columns[known])), shape=(num_rows, len(self.item_ids)))


def score_blocks(queries: np.ndarray, num_items: int) -> Iterator[np.ndarray]:
    """Cuts queries into blocks whose scores of a whole corpus fit memory.

    Args:
      queries: [Q] of any kind.
      num_items: Size of the corpus.
    """
    size = min(max(_MAX_SCORES // num_items, 1), _MAX_BLOCK)
    for start in range(0, len(queries), size):
        yield queries[start : start + size]
