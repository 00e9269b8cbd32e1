"""A ranking module over items of which some came after training."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class ExtendedRanking(tf.Module):
    """A loaded ranking module to which every added item is the unknown one."""

    def __init__(self, ranking: Any, num_trained: int):
        """Takes a loaded :class:`trainer.ranking_module.RankingModule`."""
        super().__init__(name="ranking")
        self._ranking = ranking
        self._num_trained = num_trained

    def rank(
        self, features: dict[str, tf.Tensor], query_embeddings: tf.Tensor, rows: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """See :class:`trainer.ranking_module.RankingModule`."""
        return self._ranking.rank(features, query_embeddings, tf.minimum(rows, self._num_trained))

    def task_scores(
        self, features: dict[str, tf.Tensor], query_embeddings: tf.Tensor, rows: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """See :class:`trainer.ranking_module.RankingModule`."""
        return self._ranking.task_scores(features, query_embeddings, tf.minimum(rows, self._num_trained))

    def estimates(self, task_scores: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """See :class:`trainer.ranking_module.RankingModule`."""
        return self._ranking.estimates(task_scores)
