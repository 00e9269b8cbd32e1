"""The trained ranking model as a SavedModel that the bundle builds upon."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from pipeline.config.training import RETRIEVAL_SCORE, RankingConfig
from trainer.graphs import graph_function
from trainer.ranking import RankingModel
from trainer.retrieval_module import query_specs

ORDER_SCORE = "order_score"


class RankingModule(tf.Module):
    """The ranking model without Keras' wrappers.

    Functions:
      rank: Transformed query features, [B, dim] query embeddings and [B, K] int32 corpus rows to
        a dictionary of [B, K]: for each task an estimated value or a probability, and
        `order_score`, by which recommendations are ordered.
    """

    def __init__(self, model: RankingModel, config: RankingConfig, retrieval: Any):
        """Takes the parts of a trained model.

        Args:
          model: Trained.
          config: Says which tasks are probabilities, and the weights of the order.
          retrieval: The loaded retrieval SavedModel, whose query features the model shares.
        """
        super().__init__(name="ranking")
        self._config = config
        self._model = model
        self._layers = list(model.layers)
        self._variables = [model.embeddings, model.text_embeddings, *model.vectors]
        self._temperature = tf.Variable(retrieval.temperature.numpy(), trainable=False)
        self.rank = graph_function(
            self._rank,
            input_signature=[
                query_specs(retrieval.queries),
                tf.TensorSpec([None, model.embeddings.shape[1]], tf.float32, name="query_embeddings"),
                tf.TensorSpec([None, None], tf.int32, name="rows"),
            ],
        )

    def _rank(
        self, features: dict[str, tf.Tensor], query_embeddings: tf.Tensor, rows: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        rows = self._model.known_rows(rows)
        scores = self._model.score(features, query_embeddings, rows)
        candidates = tf.gather(self._model.embeddings, rows)
        similarity = tf.einsum("bd,bkd->bk", query_embeddings, candidates)
        weights = self._config.order_by
        order = weights.get(RETRIEVAL_SCORE, 0.0) * similarity / self._temperature
        for task in self._config.tasks:
            order += weights.get(task.name, 0.0) * self._comparable(task.is_regression, scores[task.name])
        answers = {
            task.name: scores[task.name] if task.is_regression else tf.sigmoid(scores[task.name])
            for task in self._config.tasks
        }
        return {**answers, ORDER_SCORE: order}

    def _comparable(self, is_regression: bool, scores: tf.Tensor) -> tf.Tensor:
        """A task's scores on the scale of logits: a value counts in standard deviations."""
        return (scores - self._model.mean_value) / self._model.value_std if is_regression else scores
