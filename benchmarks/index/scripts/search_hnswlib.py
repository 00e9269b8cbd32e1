"""hnswlib: a graph of small worlds, M = 16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hnswlib
import numpy as np
from engine import K, augmented, largest_square, serve

_LINKS = 16
_EF_CONSTRUCTION = 200
_SEED = 42


class GraphEngine:
    """Walks the graph."""

    def build(self, candidates: np.ndarray, threads: int) -> None:
        """See :class:`engine.Engine`."""
        self._largest = largest_square(candidates)
        if self._largest is not None:
            candidates = augmented(candidates, self._largest)
        num, width = candidates.shape
        self._index = hnswlib.Index("l2", width)
        self._index.init_index(num, M=_LINKS, ef_construction=_EF_CONSTRUCTION, random_seed=_SEED)
        self._index.set_num_threads(threads)
        self._index.add_items(candidates)

    def prepare(self, queries: np.ndarray, settings: dict[str, Any]) -> Callable[[int], np.ndarray]:
        """See :class:`engine.Engine`; `ef` is the width of the search."""
        self._index.set_num_threads(1)
        self._index.set_ef(settings["ef"])
        if self._largest is not None:
            queries = augmented(queries, None)
        return lambda number: self._index.knn_query(queries[number], K)[0][0]


if __name__ == "__main__":
    serve(GraphEngine())
