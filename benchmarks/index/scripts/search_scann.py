"""Our ScaNN index from Python, without TensorFlow around a search.

It runs in our environment; the parameters are those of :class:`serving.index.ScannIndex`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from engine import K, serve

from serving.scann_parameters import ScannParameters


class PythonEngine:
    """`scann_ops_pybind`."""

    def build(self, candidates: np.ndarray, threads: int) -> None:
        """See :class:`engine.Engine`."""
        from scann.scann_ops.py import scann_ops_pybind

        self._parameters = ScannParameters.for_corpus(len(candidates), partitioned=True)
        builder = scann_ops_pybind.builder(candidates, K, "dot_product")
        self._searcher = self._parameters.configure(builder).set_n_training_threads(threads).build()

    def prepare(self, queries: np.ndarray, settings: dict[str, Any]) -> Callable[[int], np.ndarray]:
        """See :class:`engine.Engine`; `leaves` are searched, `rescored` are scored exactly."""
        self._searcher.set_num_threads(1)
        rescored, leaves = settings["rescored"], settings["leaves"]
        return lambda number: self._searcher.search(queries[number], K, rescored, leaves)[0]


if __name__ == "__main__":
    serve(PythonEngine())
