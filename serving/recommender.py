"""Candidates from all sources, ranked and fused into one order: one graph."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from schemas.features import RARE_ITEM_ID
from serving.candidate_generator import RETRIEVAL, CandidateGenerator, Candidates
from serving.fusion import standardised
from serving.profiles import UserProfiles

RETRIEVAL_SCORE_OUTPUT = "retrieval_score"
ORDER_SCORE = "order_score"


class Recommender(tf.Module):
    """The whole path from a request to ordered recommendations."""

    def __init__(
        self,
        corpus: Any,
        generator: CandidateGenerator,
        ranking: Any,
        fusion: Any,
        profiles: UserProfiles,
    ):
        """Puts the parts together.

        Args:
          corpus: That of the loaded retrieval module.
          generator: Finds candidates.
          ranking: Loaded SavedModel of a :class:`trainer.ranking_module.RankingModule`.
          fusion: Loaded SavedModel of a :class:`serving.train_fusion.FusionModule`.
          profiles: What is known of the users.
        """
        super().__init__(name="recommender")
        self._corpus = corpus
        self._generator = generator
        self._ranking = ranking
        self._fusion = fusion
        self._sources = [name.decode() for name in fusion.sources.numpy()]
        self._profiles = profiles
        self._num_items = int(corpus.item_ids.shape[0])

    def for_requests(self, examples: tf.Tensor, k: tf.Tensor) -> dict[str, tf.Tensor]:
        """Recommends from what the requests say and nothing else.

        Args:
          examples: [B] serialized `tf.Example`s. Their history is what the user has seen.
          k: Scalar int32.

        Returns:
          See :meth:`_recommend`.
        """
        raw = self._generator.parse(examples)
        return self._recommend(raw, self._generator.seen(raw), k)

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
        k = tf.clip_by_value(k, 0, self._num_items)
        candidates = self._generator.generate(raw, seen, k)
        order = tf.where(candidates.valid, self._order(candidates), tf.float32.min)
        best = tf.math.top_k(order, k).indices
        valid = tf.gather(candidates.valid, best, batch_dims=1)
        rows = tf.gather(candidates.rows, best, batch_dims=1)
        answers = {
            **self._ranking.rank(candidates.inputs, candidates.queries, rows),
            ORDER_SCORE: tf.gather(order, best, batch_dims=1),
            RETRIEVAL_SCORE_OUTPUT: tf.gather(candidates.scores[RETRIEVAL], best, batch_dims=1),
        }
        positions = tf.range(1, k + 1)[tf.newaxis]
        return {
            "item_ids": tf.where(valid, tf.gather(self._corpus.item_ids, rows), ""),
            "titles": tf.where(valid, tf.gather(self._corpus.titles, rows), ""),
            "rank": tf.where(valid, positions, 0),
            **{name: tf.where(valid, values, 0.0) for name, values in answers.items()},
        }

    def _order(self, candidates: Candidates) -> tf.Tensor:
        """[B, K] order scores, by all sources and tasks."""
        tasks = self._ranking.task_scores(candidates.inputs, candidates.queries, candidates.rows)
        scores = {**candidates.scores, **tasks}
        features = standardised(tf.stack([scores[name] for name in self._sources], -1), candidates.valid)
        return self._fusion.order(features, tf.math.log1p(tf.cast(candidates.num_seen, tf.float32)))


def _with_folded(texts: tf.Tensor) -> tf.Tensor:
    """Texts of the corpus, and one for all items whose ids were folded."""
    return tf.concat([texts, [RARE_ITEM_ID]], axis=0)
