"""Retrieve, drop what the user has seen, rank: one graph."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from schemas.features import RARE_ITEM_ID
from serving.index import Index
from serving.profiles import UserProfiles
from trainer.ranking_module import ORDER_SCORE
from trainer.retrieval_module import query_inputs

RETRIEVAL_SCORE_OUTPUT = "retrieval_score"


class Recommender(tf.Module):
    """The whole path from a request to ordered recommendations."""

    def __init__(
        self, retrieval: Any, ranking: Any, index: Index, profiles: UserProfiles, num_retrieved: int
    ):
        """Puts the parts together.

        Args:
          retrieval: Loaded SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
          ranking: Loaded SavedModel of a :class:`trainer.ranking_module.RankingModule`.
          index: Over the retrieval module's corpus embeddings.
          profiles: What is known of the users.
          num_retrieved: Unseen candidates that are ranked; more if more are asked for.
        """
        super().__init__(name="recommender")
        self._queries = retrieval.queries
        self._corpus = retrieval.corpus
        self._ranking = ranking
        self._index = index
        self._profiles = profiles
        self._num_retrieved = num_retrieved
        self._num_items = int(retrieval.corpus.item_ids.shape[0])

    def for_requests(self, examples: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        """Recommends from what the requests say and nothing else.

        Args:
          examples: [B] serialized `tf.Example`s. Their history is what the user has seen.
          k: Scalar int32.

        Returns:
          See :meth:`_recommend`.
        """
        raw = self._queries.parse_requests(examples)
        history = tf.sparse.to_dense(raw["history_item_ids"], "")
        return self._recommend(raw, self._corpus.lookup_items(history), k)

    def for_users(self, user_ids: tf.Tensor, timestamp: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        """Recommends to known users; an unknown one is a user without a history.

        Args:
          user_ids: [B] strings.
          timestamp: [B] int64 seconds since 1970 UTC, the moment of the request; 0 for now.
          k: Scalar int32.

        Returns:
          See :meth:`_recommend`; and `known`, [B] bool.
        """
        raw = self._profiles.raw_request(user_ids, timestamp)
        answers = self._recommend(raw, self._profiles.history_rows(user_ids).to_tensor(-1), k)
        return {**answers, "known": self._profiles.is_known(user_ids)}

    def user_history(self, user_ids: tf.Tensor, length: tf.Tensor) -> dict[str, tf.Tensor]:
        """What users did last, as the recommender knows it.

        Args:
          user_ids: [B] strings.
          length: Scalar int32, interactions at most.

        Returns:
          `known` [B] bool, `count` [B] int32; `item_ids`, `titles` and, with values, `values`,
          [B, at most length], the newest first, the rest of a row empty.
        """
        rows = self._newest_first(self._profiles.history_rows(user_ids), length)
        answers = {
            "known": self._profiles.is_known(user_ids),
            "count": tf.cast(rows.row_lengths(), tf.int32),
            "item_ids": tf.gather(_with_folded(self._corpus.item_ids), rows).to_tensor(""),
            "titles": tf.gather(_with_folded(self._corpus.titles), rows).to_tensor(""),
        }
        values = self._profiles.history_values(user_ids)
        if values is not None:
            answers["values"] = self._newest_first(values, length).to_tensor(0.0)
        return answers

    @staticmethod
    def _newest_first(history: tf.RaggedTensor, length: tf.Tensor) -> tf.RaggedTensor:
        return tf.reverse(history, axis=[1])[:, : tf.maximum(length, 0)]

    def _recommend(self, raw: dict[str, Any], seen: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        """The common path.

        Returns:
          [B, min(k, N)] each: `item_ids`, `titles`, `rank` from 1, `retrieval_score`, a score for each
          task, and `order_score`. Where a user has seen so much that fewer are left, the rest is
          empty: rank 0, no id, zero scores.
        """
        inputs = query_inputs(self._queries, self._queries.transform_queries(raw))
        queries = self._queries.encode_queries(inputs)
        k = tf.clip_by_value(k, 0, self._num_items)
        similarity, rows, unseen = self._retrieve(queries, seen, k)
        answers = dict(self._ranking.rank(inputs, queries, rows))
        order = tf.where(unseen, answers[ORDER_SCORE], tf.float32.min)
        best = tf.math.top_k(order, k).indices
        valid = tf.gather(unseen, best, batch_dims=1)
        rows = tf.gather(rows, best, batch_dims=1)
        answers[RETRIEVAL_SCORE_OUTPUT] = similarity
        scores = {
            name: tf.where(valid, tf.gather(values, best, batch_dims=1), 0.0)
            for name, values in answers.items()
        }
        positions = tf.range(1, k + 1)[tf.newaxis]
        return {
            "item_ids": tf.where(valid, tf.gather(self._corpus.item_ids, rows), ""),
            "titles": tf.where(valid, tf.gather(self._corpus.titles, rows), ""),
            "rank": tf.where(valid, positions, 0),
            **scores,
        }

    def _retrieve(
        self, queries: tf.Tensor, seen: tf.Tensor, k: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Similarities, corpus rows and whether they are unseen, of the best candidates; [B, R] each."""
        num_seen = tf.reduce_max(tf.math.count_nonzero(seen >= 0, axis=1, dtype=tf.int32))
        num_seen = tf.maximum(num_seen, 0)  # of a batch without requests
        wanted = tf.minimum(tf.maximum(self._num_retrieved, k), self._num_items)
        scores, rows = self._index.search(queries, tf.minimum(wanted + num_seen, self._num_items))
        # What the index did not find is row -1, as is the padding of what was seen.
        unseen = tf.logical_not(_is_member(rows, seen))
        rows = tf.maximum(rows, 0)
        # The unseen ones first, still in the order of their scores.
        best = tf.math.top_k(tf.where(unseen, scores, tf.float32.min), wanted).indices
        return tuple(tf.gather(x, best, batch_dims=1) for x in (scores, rows, unseen))


def _with_folded(texts: tf.Tensor) -> tf.Tensor:
    """Texts of the corpus, and one for all items whose ids were folded."""
    return tf.concat([texts, [RARE_ITEM_ID]], axis=0)


def _is_member(values: tf.Tensor, members: tf.Tensor) -> tf.Tensor:
    """Whether each of [B, V] is among its row's [B, M]; by binary search."""
    members = tf.sort(tf.pad(members, [[0, 0], [0, 1]], constant_values=-1), axis=1)
    position = tf.searchsorted(members, values)
    position = tf.minimum(position, tf.shape(members)[1] - 1)
    return tf.equal(tf.gather(members, position, batch_dims=1), values)
