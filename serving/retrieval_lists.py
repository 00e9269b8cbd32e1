"""Lists by the towers and the index alone: for queries, for items, for a text."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS
from serving.arrangement import arranged
from serving.category_filter import CategoryFilter
from serving.corpus_search import CorpusSearch, Found
from serving.index import NOT_FOUND, Index
from serving.list_answers import PROPENSITY, RETRIEVAL_SCORE_OUTPUT, SIMILARITY, named
from serving.reasons import Reasons
from serving.request_controls import Controls
from trainer.full_corpus import seen_items
from trainer.retrieval_module import directions, query_inputs

_POOL = 100  # candidates that noise and diversity choose from, at least


class RetrievalLists(tf.Module):
    """Asks the index, and the texts."""

    def __init__(self, retrieval: Any, index: Index, category_filter: CategoryFilter, reasons: Reasons):
        """Puts the parts together.

        Args:
          retrieval: Loaded SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
          index: Over its corpus embeddings.
          category_filter: Of its corpus.
          reasons: Says why items are there.
        """
        super().__init__(name="retrieval_lists")
        self._retrieval = retrieval
        self._corpus = retrieval.corpus
        self._search = CorpusSearch(retrieval.corpus, index)
        self._category_filter = category_filter
        self._reasons = reasons
        self._num_items = int(retrieval.corpus.item_ids.shape[0])

    def for_requests(self, raw: dict[str, Any], controls: Controls) -> dict[str, tf.Tensor]:
        """The items whose embeddings have the largest inner product with the request's.

        Args:
          raw: Raw request features.
          controls: Of the lists.

        Returns:
          [B, W] each, W the largest k of the batch or N: `item_ids`, `titles`, `rank`, `retrieval_score`,
          `propensity`, and what :meth:`serving.reasons.Reasons.of` gives.
        """
        seen = self._corpus.lookup_items(tf.sparse.to_dense(raw[HISTORY_ITEM_IDS], ""))
        queries = self.encode(raw)
        controls = controls.within(self._num_items)
        left_out = self._left_out(seen, controls)
        found = self._found(queries, left_out, controls)
        rows, filled, answers = self._list(found, controls, RETRIEVAL_SCORE_OUTPUT)
        explained = filled & controls.explain[:, tf.newaxis]
        return {**answers, **self._reasons.of(raw, queries, rows, explained, seen)}

    def similar_items(self, item_ids: tf.Tensor, controls: Controls) -> dict[str, tf.Tensor]:
        """The items whose directions have the largest cosine with an item's.

        Args:
          item_ids: [B] strings. The list for an item that the corpus does not hold is empty.
          controls: Of the lists. The seen item that is filtered is the one that is asked for.

        Returns:
          [B, W] each: `item_ids`, `titles`, `rank`, `similarity`, `propensity`.
        """
        own = self._corpus.lookup_items(item_ids)
        is_known = (own >= 0) & (own < self._num_items)
        embeddings = tf.gather(self._corpus.embeddings, tf.where(is_known, own, self._num_items))
        # A popularity of 0 counts no candidate's.
        queries = tf.pad(directions(embeddings), [[0, 0], [0, 1]])
        controls = _only(is_known, controls.within(self._num_items))
        found = self._found(queries, self._left_out(own[:, tf.newaxis], controls), controls)
        return self._list(found, controls, SIMILARITY)[2]

    def for_texts(self, texts: tf.Tensor, controls: Controls) -> dict[str, tf.Tensor]:
        """The items whose texts have the largest cosine with a text, among all of the corpus.

        Args:
          texts: [B] strings. The list for a blank one is empty.
          controls: Of the lists. There is nothing seen to filter.

        Returns:
          [B, W] each: `item_ids`, `titles`, `rank`, `similarity`, `propensity`.
        """
        controls = _only(tf.not_equal(tf.strings.strip(texts), ""), controls.within(self._num_items))
        left_out = self._left_out(tf.zeros([tf.size(texts), 0], tf.int32), controls)
        corpus_texts = self._retrieval.text_embeddings[:-1]
        scores = tf.matmul(self._retrieval.embed_texts(texts), corpus_texts, transpose_b=True)
        passes = ~seen_items(left_out, self._num_items)
        passes &= tf.cond(
            tf.reduce_any(controls.is_filtered), lambda: self._allowed(controls), lambda: tf.ones_like(passes)
        )
        found = self._search.best_of(scores, passes, self._wanted(controls))
        return self._list(found, controls, SIMILARITY)[2]

    def encode(self, raw: dict[str, Any]) -> tf.Tensor:
        """[B, dim] embeddings of requests."""
        queries = self._retrieval.queries
        return queries.encode_queries(query_inputs(queries, queries.transform_queries(raw)))

    def _left_out(self, seen: tf.Tensor, controls: Controls) -> tf.Tensor:
        """[B, X] int32 corpus rows that are left out by name, or since they were seen."""
        hidden = tf.where(controls.filter_seen[:, tf.newaxis], seen, NOT_FOUND)
        return tf.concat([hidden, self._corpus.lookup_items(controls.exclude_item_ids)], axis=1)

    def _found(self, queries: tf.Tensor, left_out: tf.Tensor, controls: Controls) -> Found:
        """The index' best of those that are not left out."""
        wanted, is_filtered = self._wanted(controls), controls.is_filtered
        return self._search.search(queries, left_out, wanted, is_filtered, lambda: self._allowed(controls))

    def _allowed(self, controls: Controls) -> tf.Tensor:
        return self._category_filter.allowed(controls.allow_categories, controls.deny_categories)

    def _wanted(self, controls: Controls) -> tf.Tensor:
        """[B] int32: candidates of each request; only what rearranges needs more than it lists."""
        rearranges = (controls.diversity > 0.0) | (controls.exploration > 0.0)
        pool = tf.maximum(controls.k, min(_POOL, self._num_items))
        return tf.where(rearranges & (controls.k > 0), pool, controls.k)

    def _list(
        self, found: Found, controls: Controls, score_name: str
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """[B, W] corpus rows, which places are filled, and the answers."""
        best, filled, propensity = arranged(found.scores, found.rows, found.valid, self._corpus, controls)
        rows, scores = (tf.gather(values, best, batch_dims=1) for values in (found.rows, found.scores))
        answers = named(self._corpus, rows, filled, {score_name: scores, PROPENSITY: propensity})
        return rows, filled, answers


def _only(answered: tf.Tensor, controls: Controls) -> Controls:
    """The controls, with a k of 0 for requests that get no answer."""
    return controls._replace(k=tf.where(answered, controls.k, 0))
