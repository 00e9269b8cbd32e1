"""Exact and approximate search behind one interface.

An index is a `tf.Module` with `is_exact` and `search(queries, k)`; it can be part of a SavedModel.
Whoever saves or loads one with `is_exact` false imports `scann` first, and saves with
:func:`save_options`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import tensorflow as tf

from pipeline.config.training import IndexConfig
from serving.evaluation_record import IndexKind
from serving.scann_parameters import ScannParameters

NOT_FOUND = -1

_MIN_SCANN_ITEMS = 16  # product quantisation needs a datum for each of its 16 centres


class Index(Protocol):
    """Maximum inner product search over the corpus."""

    is_exact: bool

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the best candidates.

        Args:
          queries: [B, dim] float32.
          k: Scalar int32, at most the size of the corpus.

        Returns:
          Scores and corpus rows, [B, k] float32 and int32, best first. An approximate index may find
          fewer than k: the rest is row `NOT_FOUND` with the lowest score there is.
        """


class ExactIndex(tf.Module):
    """Scores every candidate: pure TensorFlow, which any server takes."""

    is_exact = True

    def __init__(self, embeddings: np.ndarray):
        """Initializes the index.

        Args:
          embeddings: [N, dim] float32, one candidate a row.
        """
        super().__init__(name="exact_index")
        self.embeddings = tf.Variable(embeddings, trainable=False, name="embeddings")

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See :meth:`Index.search`."""
        scores, rows = tf.math.top_k(tf.matmul(queries, self.embeddings, transpose_b=True), k)
        return scores, rows


class ScannIndex(tf.Module):
    """ScaNN: quantised search, rescored exactly; large corpora are partitioned as well.

    Attributes:
      parameters: What it was built with, and how thoroughly it is searched.
    """

    is_exact = False

    def __init__(self, embeddings: np.ndarray, partitioned: bool):
        """Builds the index.

        Args:
          embeddings: [N, dim] float32, one candidate a row; at least 16 rows.
          partitioned: Whether to search the nearest partitions only.
        """
        from scann.scann_ops.py import scann_ops

        super().__init__(name="scann_index")
        self.parameters = ScannParameters.for_corpus(len(embeddings), partitioned)
        builder = scann_ops.builder(tf.constant(embeddings), self.parameters.min_rescored, "dot_product")
        self.state = self.parameters.configure(builder).build().serialize_to_module()
        # The op that restores the searcher must have run once before the module is saved.
        self.search(tf.constant(embeddings[:1]), tf.constant(1))

    def search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See :meth:`Index.search`."""
        wanted = tf.maximum(k, 1)  # ScaNN refuses to look for none
        per_result, at_least = self.parameters.rescored_per_result, self.parameters.min_rescored
        rescored = tf.maximum(wanted * per_result, at_least)
        scores, rows = self.search_so_far(queries, wanted, rescored, self._leaves_to_search(wanted))
        return scores[:, :k], rows[:, :k]

    def search_so_far(
        self, queries: tf.Tensor, wanted: tf.Tensor, rescored: tf.Tensor, leaves: tf.Tensor | None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Searches with an effort of one's own.

        Args:
          queries: [B, dim] float32.
          wanted: Scalar int32, results a query; one at least.
          rescored: Scalar int32, candidates that are scored exactly; `wanted` at least.
          leaves: Scalar int32, partitions that are searched; `None` if there are none.

        Returns:
          [B, wanted] scores and rows, as :meth:`Index.search` has them.
        """
        from scann.scann_ops.py import scann_ops

        searcher = scann_ops.searcher_from_module(self.state)
        effort = {
            "final_num_neighbors": wanted,
            "pre_reorder_num_neighbors": rescored,
            "leaves_to_search": leaves,
        }

        def search_one() -> tuple[tf.Tensor, tf.Tensor]:
            found = searcher.search(queries[0], **effort)
            return found.distance[tf.newaxis], found.index[tf.newaxis]

        def search_batch() -> tuple[tf.Tensor, tf.Tensor]:
            found = searcher.search_batched(queries, **effort)
            return found.distances, found.indices

        # ScaNN takes longer for a batch of one than for a query by itself.
        scores, rows = tf.cond(tf.equal(tf.shape(queries)[0], 1), search_one, search_batch)
        # Too few neighbours are a row that ends in NaN, or fewer columns.
        found = tf.logical_not(tf.math.is_nan(scores))
        scores = tf.where(found, scores, tf.float32.min)
        rows = tf.where(found, rows, NOT_FOUND)
        missing = [[0, 0], [0, wanted - tf.shape(rows)[1]]]
        scores = tf.pad(scores, missing, constant_values=tf.float32.min)
        return scores, tf.pad(rows, missing, constant_values=NOT_FOUND)

    def _leaves_to_search(self, wanted: tf.Tensor) -> tf.Tensor | None:
        """Enough leaves to hold a few candidates for each result."""
        parameters = self.parameters
        if parameters.num_leaves is None:
            return None
        needed = tf.cast(wanted, tf.float32) * parameters.leaves_per_result
        leaves = tf.maximum(tf.math.ceil(needed), parameters.min_leaves)
        return tf.cast(tf.minimum(leaves, parameters.num_leaves), tf.int32)


def chosen_kind(config: IndexConfig, num_items: int) -> IndexKind:
    """`exact` or `scann`: what a configuration means for a corpus of this size."""
    if config.kind != "auto":
        return config.kind
    return "exact" if num_items < config.exact_below else "scann"


def build_index(kind: IndexKind, embeddings: np.ndarray, config: IndexConfig) -> Index:
    """Builds an index.

    Args:
      kind: `exact` or `scann`. A corpus too small to be quantised gets an exact one.
      embeddings: [N, dim] float32.
      config: Says from what size on a ScaNN index is partitioned.
    """
    if kind == "exact" or len(embeddings) < _MIN_SCANN_ITEMS:
        return ExactIndex(embeddings)
    return ScannIndex(embeddings, partitioned=len(embeddings) >= config.partition_above)


def save_options(is_exact: bool) -> tf.saved_model.SaveOptions | None:
    """Options for saving a module that holds an index."""
    return None if is_exact else tf.saved_model.SaveOptions(namespace_whitelist=["Scann"])


def index_recall(found: np.ndarray, embeddings: np.ndarray, queries: np.ndarray) -> float:
    """Share of the exact best rows that were found, a mean over the queries.

    Args:
      found: [Q, k] rows.
      embeddings: [N, dim], what was searched.
      queries: [Q, dim].
    """
    k = tf.constant(found.shape[1])
    exact = ExactIndex(embeddings).search(tf.constant(queries), k)[1].numpy()
    hits = (found[:, :, np.newaxis] == exact[:, np.newaxis, :]).any(axis=1)
    return float(hits.mean())
