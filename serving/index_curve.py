"""Recall and latency of an index against exact search."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from serving.evaluation_record import IndexFigures, IndexKind
from serving.index import ScannIndex, index_recall
from serving.scann_parameters import ScannParameters
from trainer.graphs import graph_function

RECALL_AT = 10

_TIMED_QUERIES = 100
# From the least thorough to the most: candidates that are scored exactly, and the share of the leaves.
_RESCORED = (10, 20, 50, 100, 200, 400)
_LEAVES = (0.01, 0.03, 0.1, 0.3, 1.0)

Search = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def measure(kind: IndexKind, search: Search, embeddings: np.ndarray, queries: np.ndarray) -> IndexFigures:
    """Recall over all queries, latency over the first hundred, one at a time.

    Args:
      kind: Of the index.
      search: As :meth:`serving.index.Index.search`.
      embeddings: [N, dim], what it was built over.
      queries: [Q, dim].
    """
    k = tf.constant(min(RECALL_AT, len(embeddings)))
    found = search(tf.constant(queries), k)[1].numpy()
    compiled = graph_function(search)
    compiled(tf.constant(queries[:1]), k)  # traced before the clock runs
    seconds = []
    for query in queries[:_TIMED_QUERIES]:
        since = time.perf_counter()
        compiled(tf.constant(query[np.newaxis]), k)
        seconds.append(time.perf_counter() - since)
    return IndexFigures(
        kind=kind,
        recall_at_10=round(index_recall(found, embeddings, queries), 4),
        milliseconds_per_query=round(1000 * float(np.median(seconds)), 3),
    )


def search_curve(index: ScannIndex, embeddings: np.ndarray, queries: np.ndarray) -> tuple[IndexFigures, ...]:
    """What more effort buys: more candidates scored exactly, or more leaves of a partitioned index.

    Args:
      index: The index.
      embeddings: [N, dim], what it was built over.
      queries: [Q, dim].
    """
    return tuple(
        _with_effort(index, rescored, leaves, embeddings, queries)
        for rescored, leaves in _efforts(index.parameters)
    )


def _efforts(parameters: ScannParameters) -> list[tuple[int, int | None]]:
    """Numbers of rescored candidates and of leaves."""
    num_items, num_leaves = parameters.num_items, parameters.num_leaves
    if num_leaves is None:
        return [(min(rescored, num_items), None) for rescored in _RESCORED if rescored < 2 * num_items]
    leaves = sorted({max(round(share * num_leaves), 1) for share in _LEAVES})
    return [(min(parameters.min_rescored, num_items), number) for number in leaves]


def _with_effort(
    index: ScannIndex, rescored: int, leaves: int | None, embeddings: np.ndarray, queries: np.ndarray
) -> IndexFigures:
    effort = tf.constant(rescored), None if leaves is None else tf.constant(leaves)
    figures = measure("scann", lambda x, k: index.search_so_far(x, k, *effort), embeddings, queries)
    return figures.model_copy(update={"rescored": rescored, "leaves": leaves})
