"""faiss: exact (flat), or inverted lists with product quantisation and exact rescoring."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
from engine import K, augmented, largest_square, serve

_TRAINING = 200_000


class FlatEngine:
    """Scores every candidate."""

    def build(self, candidates: np.ndarray, threads: int) -> None:
        """See :class:`engine.Engine`."""
        faiss.omp_set_num_threads(threads)
        self._index = faiss.IndexFlatIP(candidates.shape[1])
        self._index.add(candidates)

    def prepare(self, queries: np.ndarray, settings: dict[str, Any]) -> Callable[[int], np.ndarray]:
        """See :class:`engine.Engine`."""
        faiss.omp_set_num_threads(1)
        return lambda number: self._index.search(queries[number : number + 1], K)[1][0]


class InvertedFileEngine:
    """`IVFn,PQmx4fs,RFlat`: two dimensions a code of four bits, as ScaNN has by default."""

    def build(self, candidates: np.ndarray, threads: int) -> None:
        """See :class:`engine.Engine`."""
        faiss.omp_set_num_threads(threads)
        self._largest = largest_square(candidates)
        if self._largest is not None:
            candidates = augmented(candidates, self._largest)
        num, width = candidates.shape
        lists = 1024 if num >= 500_000 else max(2 ** round(np.log2(num**0.5)), 16)
        self._index = faiss.index_factory(width, f"IVF{lists},PQ{width // 2}x4fs,RFlat", faiss.METRIC_L2)
        self._index.train(candidates[:_TRAINING])
        self._index.add(candidates)

    def prepare(self, queries: np.ndarray, settings: dict[str, Any]) -> Callable[[int], np.ndarray]:
        """See :class:`engine.Engine`; `nprobe` lists, `k_factor` times K rescored."""
        faiss.omp_set_num_threads(1)
        if self._largest is not None:
            queries = augmented(queries, None)
        effort = f"nprobe={settings['nprobe']},k_factor_rf={settings['k_factor']}"
        faiss.ParameterSpace().set_index_parameters(self._index, effort)
        return lambda number: self._index.search(queries[number : number + 1], K)[1][0]


if __name__ == "__main__":
    serve(FlatEngine() if sys.argv[2] == "flat" else InvertedFileEngine())
