"""Our indexes as SavedModels, and the ScaNN layer of TensorFlow Recommenders with its defaults.

Loaded as TensorFlow Serving does it: a session, a signature. Called with next to no Python, and in the
caller's thread, where a server by default hands the graph to another one, which costs .1 ms.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from engine import K, serve

import pipeline  # noqa: F401  (chooses Keras 2 before TensorFlow is imported)

import tensorflow as tf  # isort: skip
from tensorflow.core.protobuf import config_pb2  # isort: skip

from serving.index import ExactIndex, Index, ScannIndex, save_options  # isort: skip

_QUERIES = tf.TensorSpec([None, None], tf.float32, name="queries")
_NUMBER = tf.TensorSpec([], tf.int32)


class SavedModelEngine:
    """A SavedModel with the signature `search`."""

    def __init__(self, kind: str):
        """Takes `exact`, `scann` or `tfrs`."""
        self._kind = kind

    def build(self, candidates: np.ndarray, threads: int) -> None:
        """See :class:`engine.Engine`."""
        with tempfile.TemporaryDirectory(prefix="recstack-index-") as folder:
            module, signature = _MODULES[self._kind](candidates)
            options = save_options(is_exact=self._kind == "exact")
            tf.saved_model.save(module, folder, signatures={"search": signature}, options=options)
            # No thread but the caller's: to wake another one takes as long as a search.
            threading = {"intra_op_parallelism_threads": 1, "inter_op_parallelism_threads": -1}
            self._session = tf.compat.v1.Session(
                graph=tf.Graph(), config=tf.compat.v1.ConfigProto(**threading)
            )
            with self._session.graph.as_default():
                meta_graph = tf.compat.v1.saved_model.load(self._session, ["serve"], folder)
        self._signature = meta_graph.signature_def["search"]

    def prepare(self, queries: np.ndarray, settings: dict[str, Any]) -> Callable[[int], np.ndarray]:
        """See :class:`engine.Engine`; `leaves` and `rescored` are the effort, or the index decides."""
        inputs, outputs = self._signature.inputs, self._signature.outputs
        fed = {name: settings.get(name, 0) for name in inputs if name != "queries"}
        fetched = [outputs["rows"].name, outputs["scores"].name]
        feeds = [inputs["queries"].name, *(inputs[name].name for name in fed)]
        # As our server calls it; what the public `make_callable` does in Python takes as long as a search.
        options = config_pb2.CallableOptions(feed=feeds, fetch=fetched)
        call = self._session._make_callable_from_options(options)
        numbers = [np.int32(number) for number in fed.values()]
        return lambda number: call(queries[number : number + 1], *numbers)[0][0]


def _exact(candidates: np.ndarray) -> tuple[tf.Module, Any]:
    return _with_defaults(ExactIndex(candidates))


def _default(candidates: np.ndarray) -> tuple[tf.Module, Any]:
    return _with_defaults(ScannIndex(candidates, partitioned=True))


def _with_defaults(index: Index) -> tuple[tf.Module, Any]:
    """An index that decides its own effort."""
    module = tf.Module()
    module.index = index

    @tf.function(input_signature=[_QUERIES], autograph=False)
    def search(queries: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, rows = index.search(queries, tf.constant(K))
        return {"scores": scores, "rows": rows}

    return module, search


def _scann(candidates: np.ndarray) -> tuple[tf.Module, Any]:
    """Our ScaNN index, searched with an effort of one's own."""
    module = tf.Module()
    index = module.index = ScannIndex(candidates, partitioned=True)

    @tf.function(input_signature=[_QUERIES, _NUMBER, _NUMBER], autograph=False)
    def search(queries: tf.Tensor, rescored: tf.Tensor, leaves: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, rows = index.search_so_far(queries, tf.constant(K), rescored, leaves)
        return {"scores": scores, "rows": rows}

    return module, search


def _tfrs(candidates: np.ndarray) -> tuple[tf.Module, Any]:
    import tensorflow_recommenders as tfrs

    layer = tfrs.layers.factorized_top_k.ScaNN(k=K, parallelize_batch_searches=False)
    layer.index(tf.constant(candidates))
    layer(tf.constant(candidates[:1]))

    @tf.function(input_signature=[_QUERIES], autograph=False)
    def search(queries: tf.Tensor) -> dict[str, tf.Tensor]:
        scores, rows = layer(tf.ensure_shape(queries, [None, candidates.shape[1]]))
        return {"scores": scores, "rows": rows}

    return layer, search


_MODULES = {"exact": _exact, "scann": _scann, "default": _default, "tfrs": _tfrs}


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    serve(SavedModelEngine(sys.argv[2]))
