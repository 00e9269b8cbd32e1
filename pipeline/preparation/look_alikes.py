"""Ids that differ only in case or in white space around them: most often one thing, told of twice."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.distinct import distinct_texts

_SCHEMA = pa.schema([("folded", pa.uint64()), ("exact", pa.uint64())])


class LookAlikes:
    """Counts look-alikes by hashes, so that no id is kept."""

    def __init__(self, pairs: Iterable[pa.Table] = ()):
        """Takes what others have seen.

        Args:
          pairs: Their :attr:`pairs`.
        """
        self._tables = [_SCHEMA.empty_table(), *pairs]

    def see(self, ids: pa.ChunkedArray) -> None:
        """Takes note of [N] strings."""
        names, _ = distinct_texts(ids)
        folded = pc.utf8_lower(pc.utf8_trim_whitespace(names))
        self._tables.append(pa.table([_hashes(folded), _hashes(names)], schema=_SCHEMA))

    @property
    def pairs(self) -> pa.Table:
        """The distinct ids seen: hash of the folded and of the exact id."""
        return pa.concat_tables(self._tables).group_by(["folded", "exact"]).aggregate([]).select([0, 1])

    def count(self) -> int:
        """Ids that look like another."""
        _, counts = np.unique(self.pairs["folded"].to_numpy(), return_counts=True)
        return int(counts[counts > 1].sum())


def _hashes(texts: pa.Array) -> np.ndarray:
    return pd.util.hash_array(texts.to_numpy(zero_copy_only=False), categorize=False)
