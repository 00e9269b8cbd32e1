"""Candidates of a request from all sources, and what each source thinks of each."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS
from serving.category_filter import CategoryFilter
from serving.corpus_search import CorpusSearch
from serving.index import NOT_FOUND, Index
from serving.request_controls import Controls
from trainer.full_corpus import seen_items
from trainer.retrieval_module import query_inputs

RETRIEVAL, CONTENT = "retrieval", "content"


class Candidates(NamedTuple):
    """The candidates of a batch of requests.

    Attributes:
      rows: [B, K] int32 corpus rows; anything where not valid.
      valid: [B, K] bool: each item once, none that the request leaves out.
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
        category_filter: CategoryFilter | None = None,
    ):
        """Puts the sources together.

        Args:
          retrieval: Loaded SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
          index: Over its corpus embeddings.
          collaborative: Loaded SavedModel of a
            :class:`trainer.collaborative.collaborative_module.CollaborativeModule`.
          num_retrieved: Candidates from the index, what is left out not counted.
          num_from_others: Candidates from each other source.
          category_filter: Of the corpus; without one requests must not name categories.
        """
        super().__init__(name="candidate_generator")
        self._queries = retrieval.queries
        self._corpus = retrieval.corpus
        self._text_embeddings = retrieval.text_embeddings
        self._search = CorpusSearch(retrieval.corpus, index)
        self._category_filter = category_filter
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

    def generate(self, raw: dict[str, Any], seen: tf.Tensor, controls: Controls) -> Candidates:
        """Finds candidates.

        Args:
          raw: Raw request features.
          seen: [B, S] int32 corpus rows of all that the user has seen, padded with -1.
          controls: Say what is left out, and the `k`, at most N, that come from the index at least, if there
            are as many.
        """
        inputs = query_inputs(self._queries, self._queries.transform_queries(raw))
        queries = self._queries.encode_queries(inputs)
        is_seen = seen_items(seen, self._num_items)
        num_seen = tf.math.count_nonzero(is_seen, axis=1, dtype=tf.int32)
        dense = {CONTENT: self._content(seen), **self._collaborative.scores(seen)}
        left_out = self._left_out(seen, controls)
        blocked = self._blocked(is_seen, left_out, controls)
        wanted = tf.minimum(tf.maximum(self._num_retrieved, controls.k), self._num_items)
        best = self._search.search(queries, left_out, wanted, controls.is_filtered, lambda: ~blocked)
        found = [tf.where(best.valid, best.rows, NOT_FOUND)]
        for scores in dense.values():
            free = tf.where(blocked, tf.float32.min, scores)
            found.append(tf.math.top_k(free, min(self._num_from_others, self._num_items)).indices)
        rows, valid = _once_each(tf.concat(found, axis=1))
        rows = tf.maximum(rows, 0)
        valid &= tf.logical_not(tf.gather(blocked, rows, batch_dims=1))
        embeddings = tf.gather(self._corpus.embeddings, rows)
        scores = {RETRIEVAL: tf.einsum("bd,bkd->bk", queries, embeddings)}
        scores |= {name: tf.gather(values, rows, batch_dims=1) for name, values in dense.items()}
        return Candidates(rows, valid, scores, inputs, queries, num_seen)

    def _left_out(self, seen: tf.Tensor, controls: Controls) -> tf.Tensor:
        """[B, X] int32 corpus rows that are left out by name, or since they were seen."""
        hidden = tf.where(controls.filter_seen[:, tf.newaxis], seen, NOT_FOUND)
        return tf.concat([hidden, self._corpus.lookup_items(controls.exclude_item_ids)], axis=1)

    def _blocked(self, is_seen: tf.Tensor, left_out: tf.Tensor, controls: Controls) -> tf.Tensor:
        """[B, N] bool: what must not be recommended. What was seen, if nobody asks for more or less."""
        has_names = tf.shape(controls.exclude_item_ids)[1] > 0
        sees_again = tf.logical_not(tf.reduce_all(controls.filter_seen))
        blocked = tf.cond(
            has_names | sees_again, lambda: seen_items(left_out, self._num_items), lambda: is_seen
        )
        if self._category_filter is None:
            return blocked
        allow, deny = controls.allow_categories, controls.deny_categories
        allowed = self._category_filter.allowed
        return tf.cond(
            tf.reduce_any(controls.is_filtered), lambda: blocked | ~allowed(allow, deny), lambda: blocked
        )

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
