"""Candidates of a request from all sources, and what each source thinks of each."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS
from serving.index import Index
from trainer.full_corpus import seen_items
from trainer.retrieval_module import query_inputs

RETRIEVAL, CONTENT = "retrieval", "content"


class Candidates(NamedTuple):
    """The candidates of a batch of requests.

    Attributes:
      rows: [B, K] int32 corpus rows; anything where not valid.
      valid: [B, K] bool: each item once, none that the user has seen.
      scores: Source to [B, K] float32.
      inputs: Transformed query features.
      queries: [B, dim] query embeddings.
      num_seen: [B] int32 distinct items that the user has seen.
    """

    rows: tf.Tensor
    valid: tf.Tensor
    scores: dict[str, tf.Tensor]
    inputs: dict[str, tf.Tensor]
    queries: tf.Tensor
    num_seen: tf.Tensor


class CandidateGenerator(tf.Module):
    """Asks the index, the texts and collaborative filtering, and puts their best together.

    Sources: `retrieval`, the towers' score; `content`, the cosine of an item's text with the texts of the
    history, a mean; and those of collaborative filtering.
    """

    def __init__(
        self,
        retrieval: Any,
        index: Index,
        collaborative: Any,
        num_retrieved: int,
        num_from_others: int,
    ):
        """Puts the sources together.

        Args:
          retrieval: Loaded SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
          index: Over its corpus embeddings.
          collaborative: Loaded SavedModel of a
            :class:`trainer.collaborative.collaborative_module.CollaborativeModule`.
          num_retrieved: Unseen candidates from the index.
          num_from_others: Unseen candidates from each other source.
        """
        super().__init__(name="candidate_generator")
        self._queries = retrieval.queries
        self._corpus = retrieval.corpus
        self._text_embeddings = retrieval.text_embeddings
        self._index = index
        self._collaborative = collaborative
        self._num_retrieved = num_retrieved
        self._num_from_others = num_from_others
        self._num_items = int(retrieval.corpus.item_ids.shape[0])
        self.sources = (RETRIEVAL, CONTENT, *(name.decode() for name in collaborative.names.numpy()))

    def parse(self, examples: tf.Tensor) -> dict[str, Any]:
        """Serialized requests, [B], to raw features."""
        return self._queries.parse_requests(examples)

    def seen(self, raw: dict[str, Any]) -> tf.Tensor:
        """[B, S] int32 corpus rows of the history that a request carries, padded with -1."""
        history = tf.sparse.to_dense(raw[HISTORY_ITEM_IDS], "")
        return self._corpus.lookup_items(history)

    def generate(self, raw: dict[str, Any], seen: tf.Tensor, k: tf.Tensor) -> Candidates:
        """Finds candidates.

        Args:
          raw: Raw request features.
          seen: [B, S] int32 corpus rows of all that the user has seen, padded with -1.
          k: Scalar int32: at least so many from the index, if there are as many unseen items.
        """
        inputs = query_inputs(self._queries, self._queries.transform_queries(raw))
        queries = self._queries.encode_queries(inputs)
        is_seen = seen_items(seen, self._num_items)
        num_seen = tf.math.count_nonzero(is_seen, axis=1, dtype=tf.int32)
        dense = {CONTENT: self._content(seen), **self._collaborative.scores(seen)}
        found = [self._from_index(queries, num_seen, k)]
        wanted = min(self._num_from_others, self._num_items)
        for scores in dense.values():
            found.append(tf.math.top_k(tf.where(is_seen, tf.float32.min, scores), wanted).indices)
        rows, valid = _once_each(tf.concat(found, axis=1))
        rows = tf.maximum(rows, 0)
        valid &= tf.logical_not(tf.gather(is_seen, rows, batch_dims=1))
        embeddings = tf.gather(self._corpus.embeddings, rows)
        scores = {RETRIEVAL: tf.einsum("bd,bkd->bk", queries, embeddings)}
        scores |= {name: tf.gather(values, rows, batch_dims=1) for name, values in dense.items()}
        return Candidates(rows, valid, scores, inputs, queries, num_seen)

    def _from_index(self, queries: tf.Tensor, num_seen: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
        """[B, R] rows of the index' best, enough to be left with what is wanted; -1 where it found none."""
        most_seen = tf.reduce_max(tf.concat([num_seen, [0]], axis=0))
        wanted = tf.minimum(tf.maximum(self._num_retrieved, k) + most_seen, self._num_items)
        return self._index.search(queries, wanted)[1]

    def _content(self, seen: tf.Tensor) -> tf.Tensor:
        """[B, N] mean cosine of each item's text with those of the history; 0 without a history."""
        known = (seen >= 0) & (seen < self._num_items)
        weights = tf.cast(known, tf.float32)[..., tf.newaxis]
        texts = tf.gather(self._text_embeddings, tf.where(known, seen, self._num_items))
        profile = tf.math.divide_no_nan(tf.reduce_sum(texts * weights, 1), tf.reduce_sum(weights, 1))
        return tf.matmul(profile, self._text_embeddings[:-1], transpose_b=True)


def _once_each(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Rows in rising order, and whether each is one that was found and did not come before; [B, K] each."""
    rows = tf.sort(rows, axis=1)
    before = tf.pad(rows[:, :-1], [[0, 0], [1, 0]], constant_values=-1)
    return rows, rows > before
