"""The trained ranking model as a SavedModel that the bundle builds upon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from pipeline.config.ranking import RankingConfig, TaskConfig
from trainer.calibration import IDENTITY, PlattScaling
from trainer.graphs import graph_function
from trainer.ranking import RankingModel
from trainer.retrieval_module import directions, query_specs


class RankingModule(tf.Module):
    """The ranking model without Keras' wrappers.

    Functions:
      rank: Transformed query features, [B, embedding_dim + 1] query embeddings and [B, K] int32 corpus
        rows to a dictionary of [B, K]: for each task an estimated number or a calibrated probability.
      task_scores: The same arguments to the tasks' scores as the model has them, on one scale: logits that
        are not calibrated, and numbers in standard deviations above the mean.
      estimates: Such scores, [B, K] of each task, to what `rank` answers.
    """

    def __init__(
        self,
        model: RankingModel,
        config: RankingConfig,
        retrieval: Any,
        calibrations: Mapping[str, PlattScaling] | None = None,
    ):
        """Takes the parts of a trained model.

        Args:
          model: Trained.
          config: Says which tasks are probabilities.
          retrieval: The loaded retrieval SavedModel, whose query features the model shares.
          calibrations: Task to what makes a probability of its logit; by default the sigmoid alone.
        """
        super().__init__(name="ranking")
        self._config = config
        self._model = model
        self._layers = list(model.layers)
        self._variables = [model.embeddings, model.text_embeddings, *model.vectors]
        self._calibrations = dict(calibrations or {})
        signature = [
            query_specs(retrieval.queries),
            tf.TensorSpec([None, model.embeddings.shape[1] + 1], tf.float32, name="query_embeddings"),
            tf.TensorSpec([None, None], tf.int32, name="rows"),
        ]
        self.rank = graph_function(self._rank, input_signature=signature)
        self.task_scores = graph_function(self._task_scores, input_signature=signature)
        scores = {task.name: tf.TensorSpec([None, None], tf.float32, task.name) for task in config.tasks}
        self.estimates = graph_function(self._estimates, input_signature=[scores])

    def _rank(
        self, features: dict[str, tf.Tensor], query_embeddings: tf.Tensor, rows: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        scores = self._model.score(features, directions(query_embeddings), rows)
        return {task.name: self._answer(task, scores[task.name]) for task in self._config.tasks}

    def _task_scores(
        self, features: dict[str, tf.Tensor], query_embeddings: tf.Tensor, rows: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        scores = self._model.score(features, directions(query_embeddings), rows)
        return {task.name: self._comparable(task, scores[task.name]) for task in self._config.tasks}

    def _estimates(self, task_scores: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        answers = {}
        for task in self._config.tasks:
            scale = self._model.scale(task)
            answers[task.name] = self._answer(task, task_scores[task.name] * scale.std + scale.mean)
        return answers

    def _answer(self, task: TaskConfig, scores: tf.Tensor) -> tf.Tensor:
        """A number as it is, a logit as a probability."""
        if task.is_regression:
            return scores
        calibration = self._calibrations.get(task.name, IDENTITY)
        return tf.sigmoid(calibration.slope * scores + calibration.intercept)

    def _comparable(self, task: TaskConfig, scores: tf.Tensor) -> tf.Tensor:
        """A task's scores on the scale of logits: a number counts in standard deviations."""
        scale = self._model.scale(task)
        return (scores - scale.mean) / scale.std
