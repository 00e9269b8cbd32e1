"""Candidates from all sources, ranked and fused into one order: one graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS, RARE_ITEM_ID
from serving.arrangement import arranged
from serving.candidate_generator import CONTENT, RETRIEVAL, CandidateGenerator, Candidates
from serving.fusion import standardised
from serving.list_answers import PROPENSITY, RETRIEVAL_SCORE_OUTPUT, named
from serving.profiles import UserProfiles
from serving.reasons import Reasons
from serving.recent_events import with_recent
from serving.request_controls import Controls

ORDER_SCORE = "order_score"

# How alike the texts are, and how many near users, by their nearness, engaged with the item.
_REASONS_OF_SOURCES = {CONTENT: "text_similarity", "user_knn": "similar_users"}


class _Order(NamedTuple):
    """What the fusion makes of candidates.

    Attributes:
      scores: [B, K] order scores.
      tasks: Task to its [B, K] scores.
      features: [B, K, S] the sources' standardised scores.
      evidence: [B] float32 log(1 + items seen).
    """

    scores: tf.Tensor
    tasks: dict[str, tf.Tensor]
    features: tf.Tensor
    evidence: tf.Tensor


class Recommender(tf.Module):
    """The whole path from a request to ordered recommendations."""

    def __init__(
        self,
        corpus: Any,
        generator: CandidateGenerator,
        ranking: Any,
        fusion: Any,
        profiles: UserProfiles,
        reasons: Reasons,
    ):
        """Puts the parts together.

        Args:
          corpus: That of the loaded retrieval module.
          generator: Finds candidates.
          ranking: Loaded SavedModel of a :class:`trainer.ranking_module.RankingModule`.
          fusion: Loaded SavedModel of a :class:`serving.train_fusion.FusionModule`.
          profiles: What is known of the users.
          reasons: Says why items are there.
        """
        super().__init__(name="recommender")
        self._corpus = corpus
        self._generator = generator
        self._ranking = ranking
        self._fusion = fusion
        self._sources = [name.decode() for name in fusion.sources.numpy()]
        self._profiles = profiles
        self._reasons = reasons
        self._num_items = int(corpus.item_ids.shape[0])

    def for_examples(self, examples: tf.Tensor, controls: Controls) -> dict[str, tf.Tensor]:
        """Recommends from what serialized `tf.Example`s, [B], say; see :meth:`for_requests`."""
        return self.for_requests(self._generator.parse(examples), controls)

    def for_requests(self, raw: dict[str, Any], controls: Controls) -> dict[str, tf.Tensor]:
        """Recommends from what the requests say and nothing else.

        Args:
          raw: Raw request features. Their history is what the user has seen.
          controls: Of the lists.

        Returns:
          See :meth:`_recommend`.
        """
        return self._recommend(raw, self._generator.seen(raw), controls)

    def for_users(
        self, user_ids: tf.Tensor, timestamp: tf.Tensor, controls: Controls
    ) -> dict[str, tf.Tensor]:
        """Recommends to known users; an unknown one is a user without a history.

        Args:
          user_ids: [B] strings.
          timestamp: [B] int64 seconds since 1970 UTC, the moment of the request; 0 for now.
          controls: Of the lists.

        Returns:
          See :meth:`_recommend`; and `known`, [B] bool.
        """
        raw = self._profiles.raw_request(user_ids, timestamp)
        answers = self._recommend(raw, self._profiles.history_rows(user_ids).to_tensor(-1), controls)
        return {**answers, "known": self._profiles.is_known(user_ids)}

    def for_sessions(
        self,
        user_ids: tf.Tensor,
        timestamp: tf.Tensor,
        recent: Mapping[str, tf.RaggedTensor],
        controls: Controls,
    ) -> dict[str, tf.Tensor]:
        """Recommends to users, known or not, who have done something since their profiles were made.

        Args:
          user_ids: [B] strings.
          timestamp: As :meth:`for_users` takes it.
          recent: What they did, see :func:`serving.recent_events.with_recent`.
          controls: Of the lists.

        Returns:
          As :meth:`for_users`.
        """
        histories = with_recent(self._profiles.histories(user_ids), recent)
        raw = self._profiles.raw_request(user_ids, timestamp, histories)
        new_items = recent[HISTORY_ITEM_IDS]
        new_rows = new_items.with_values(self._corpus.lookup_items(new_items.values))
        seen = tf.concat([self._profiles.history_rows(user_ids), new_rows], axis=1).to_tensor(-1)
        return {**self._recommend(raw, seen, controls), "known": self._profiles.is_known(user_ids)}

    def newest_times(self, user_ids: tf.Tensor) -> tf.Tensor:
        """[B] int64 seconds: until when the users' profiles know what they did."""
        return self._profiles.newest_times(user_ids)

    def user_history(self, user_ids: tf.Tensor, length: tf.Tensor) -> dict[str, tf.Tensor]:
        """What users did last, as the recommender knows it.

        Args:
          user_ids: [B] strings.
          length: [B] int32, interactions at most.

        Returns:
          `known` [B] bool, `count` [B] int32; `item_ids`, `titles` and, with values, `values`,
          [B, at most the largest length], the newest first, the rest of a row empty.
        """
        rows = _newest_first(self._profiles.history_rows(user_ids), length)
        answers = {
            "known": self._profiles.is_known(user_ids),
            "count": tf.cast(rows.row_lengths(), tf.int32),
            "item_ids": tf.gather(_with_folded(self._corpus.item_ids), rows).to_tensor(""),
            "titles": tf.gather(_with_folded(self._corpus.titles), rows).to_tensor(""),
        }
        values = self._profiles.history_values(user_ids)
        if values is not None:
            answers["values"] = _newest_first(values, length).to_tensor(0.0)
        return answers

    def _recommend(self, raw: dict[str, Any], seen: tf.Tensor, controls: Controls) -> dict[str, tf.Tensor]:
        """The common path.

        Returns:
          [B, W] each, W the largest k of the batch or N: `item_ids`, `titles`, `rank` from 1,
          `retrieval_score`, a score for each task, `order_score`, `propensity` (see
          :class:`serving.arrangement.Arranged`), `source` (of the fusion's sources the one that speaks most
          for the item), what :meth:`serving.reasons.Reasons.of` gives, `text_similarity` and, with that
          source, `similar_users` (the scores of `content` and `user_knn`). Beyond a request's own k, or where
          fewer are left, a row is empty: rank 0, no id, zero scores.
        """
        controls = controls.within(self._num_items)
        candidates = self._generator.generate(raw, seen, controls)
        order = self._order(candidates)
        best, filled, propensity = arranged(
            order.scores, candidates.rows, candidates.valid, self._corpus, controls
        )
        rows = tf.gather(candidates.rows, best, batch_dims=1)
        tasks = {name: tf.gather(scores, best, batch_dims=1) for name, scores in order.tasks.items()}
        scores = {
            **self._ranking.estimates(tasks),
            ORDER_SCORE: tf.gather(order.scores, best, batch_dims=1),
            RETRIEVAL_SCORE_OUTPUT: tf.gather(candidates.scores[RETRIEVAL], best, batch_dims=1),
            PROPENSITY: propensity,
        }
        return {
            **named(self._corpus, rows, filled, scores),
            "source": tf.where(filled, self._strongest(order, best), ""),
            **self._reasons.of(raw, candidates.queries, rows, filled & controls.explain[:, tf.newaxis], seen),
            **self._from_sources(candidates, best, filled),
        }

    @staticmethod
    def _from_sources(candidates: Candidates, best: tf.Tensor, filled: tf.Tensor) -> dict[str, tf.Tensor]:
        """[B, W] scores of the sources that are reasons by themselves."""
        return {
            output: tf.where(filled, tf.gather(candidates.scores[source], best, batch_dims=1), 0.0)
            for source, output in _REASONS_OF_SOURCES.items()
            if source in candidates.scores
        }

    def _order(self, candidates: Candidates) -> _Order:
        """The order, by all sources and tasks."""
        tasks = self._ranking.task_scores(candidates.inputs, candidates.queries, candidates.rows)
        scores = {**candidates.scores, **tasks}
        features = standardised(tf.stack([scores[name] for name in self._sources], -1), candidates.valid)
        evidence = tf.math.log1p(tf.cast(candidates.num_seen, tf.float32))
        return _Order(self._fusion.order(features, evidence), tasks, features, evidence)

    def _strongest(self, order: _Order, best: tf.Tensor) -> tf.Tensor:
        """[B, k] strings: the source that adds most to the weighted sum of each place's item."""
        features = tf.gather(order.features, best, batch_dims=1)
        added = features * self._fusion.weights(order.evidence)[:, tf.newaxis]
        return tf.gather(self._sources, tf.argmax(added, axis=2))


def _newest_first(history: tf.RaggedTensor, length: tf.Tensor) -> tf.RaggedTensor:
    """The last of each row, at most [B] so many, in reverse."""
    turned = tf.reverse(history, axis=[1])
    places = tf.ragged.range(turned.row_lengths())
    is_kept = places.with_values(places.values < tf.gather(tf.cast(length, tf.int64), places.value_rowids()))
    return tf.ragged.boolean_mask(turned, is_kept)


def _with_folded(texts: tf.Tensor) -> tf.Tensor:
    """Texts of the corpus, and one for all items whose ids were folded."""
    return tf.concat([texts, [RARE_ITEM_ID]], axis=0)
