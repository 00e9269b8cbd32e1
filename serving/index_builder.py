"""Builds the index of a retrieval model and measures it against exact search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.config.training import IndexConfig
from pipeline.splits import EVAL
from serving.evaluation_record import IndexFigures, IndexKind, IndexReport
from serving.index import Index, ScannIndex, build_index, chosen_kind, save_options
from serving.index_curve import measure, search_curve
from serving.layout import EXACT
from serving.tower_fingerprint import tower_fingerprint
from trainer.graphs import graph_function
from trainer.input_fn import interactions_dataset
from trainer.retrieval_module import query_inputs
from trainer.selection import engaged_only
from trainer.streams import TransformedStream

INDEX_DIR = "index"
REPORT_FILE = "index.json"

_KINDS: tuple[IndexKind, ...] = ("exact", "scann")
_BATCH = 1024


def build_and_measure(
    retrieval_dir: str,
    interactions: TransformedStream,
    config: IndexConfig,
    seed: int,
    output_dir: str,
) -> IndexReport:
    """Builds an exact and a ScaNN index, measures both, and saves them.

    A corpus too small to be quantised has the exact one only.

    Args:
      retrieval_dir: SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
      interactions: Transformed interactions; the queries are drawn from the `eval` split.
      config: Which index, and how many queries.
      seed: Of the draw.
      output_dir: Gets the indexes, `index/exact/` and `index/scann/`, and `index.json`.
    """
    retrieval = tf.saved_model.load(retrieval_dir)
    embeddings = retrieval.corpus.embeddings.numpy()[:-1]  # the unknown item is no candidate
    queries = sample_queries(retrieval, interactions, config.recall_queries, seed)
    return write_indexes(retrieval.corpus.item_ids.numpy(), embeddings, queries, config, output_dir)


def write_indexes(
    item_ids: np.ndarray, embeddings: np.ndarray, queries: np.ndarray, config: IndexConfig, output_dir: str
) -> IndexReport:
    """Does what :func:`build_and_measure` does, for candidates and queries that are embedded.

    Args:
      item_ids: [N] bytes.
      embeddings: [N, dim] float32.
      queries: [Q, dim] float32.
      config: Which index.
      output_dir: See there.
    """
    fingerprint = tower_fingerprint(item_ids, embeddings)
    chosen = chosen_kind(config, len(embeddings))
    measured: list[IndexFigures] = []
    curve: tuple[IndexFigures, ...] = ()
    for kind in _KINDS:
        index = build_index(kind, embeddings, config)
        measured.append(measure(kind, index.search, embeddings, queries))
        if isinstance(index, ScannIndex):
            curve = search_curve(index, embeddings, queries)
        if index.is_exact == (kind == EXACT):
            module, folder = SearchModule(index, fingerprint), f"{output_dir}/{INDEX_DIR}/{kind}"
            tf.saved_model.save(module, folder, options=save_options(index.is_exact))
    report = IndexReport(chosen=chosen, num_items=len(embeddings), measured=tuple(measured), curve=curve)
    Path(output_dir, REPORT_FILE).write_text(report.model_dump_json(indent=2), encoding="utf-8")
    return report


class SearchModule(tf.Module):
    """An index as a SavedModel with the function `search`, and the variables `is_exact` and `fingerprint`."""

    def __init__(self, index: Index, fingerprint: str):
        """Initializes the module.

        Args:
          index: What is searched.
          fingerprint: Of the towers whose embeddings it was built from.
        """
        super().__init__(name="search")
        self.index = index
        self.is_exact = tf.Variable(index.is_exact, trainable=False)
        self.fingerprint = tf.Variable(fingerprint, trainable=False)

    @graph_function(
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, name="queries"),
            tf.TensorSpec([], tf.int32, name="k"),
        ]
    )
    def search(self, queries: tf.Tensor, k: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See :meth:`serving.index.Index.search`."""
        return self.index.search(queries, k)


def sample_queries(
    retrieval: Any, interactions: TransformedStream, num_queries: int, seed: int
) -> np.ndarray:
    """Embeddings of requests of the eval split, whose users engaged with something.

    Args:
      retrieval: Loaded SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
      interactions: Transformed interactions.
      num_queries: How many at most.
      seed: Of the draw.

    Returns:
      [Q, dim] float32.
    """
    dataset = interactions_dataset(
        interactions.files(EVAL),
        interactions.transform_output,
        retrieval.corpus.lookup_items,
        _BATCH,
        select=engaged_only,
    )
    queries = retrieval.queries
    parts = [queries.encode_queries(query_inputs(queries, batch)).numpy() for batch in dataset]
    embeddings = np.concatenate(parts)
    drawn = np.random.default_rng(seed).permutation(len(embeddings))[:num_queries]
    return embeddings[drawn]
