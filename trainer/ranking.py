"""The multi-task ranking model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import tensorflow as tf
import tensorflow_recommenders as tfrs
import tf_keras

from pipeline.config.ranking import RankingConfig, TaskConfig
from schemas.features import ENGAGED, HISTORY_AGES, HISTORY_EVENT_TYPES, ITEM_ID, USER_ID
from trainer.attribute_encoder import AttributeEncoder
from trainer.bottoms import build_bottom
from trainer.graphs import untouched_by_autograph
from trainer.history_factors import HistoryFactors
from trainer.precision import FLOAT32, computing_in
from trainer.ranking_statistics import (
    CandidateTables,
    HistoryStatistics,
    OwnEvents,
    RankingStatistics,
    similarity_statistics,
)
from trainer.ranking_tasks import ranking_task
from trainer.replicas import num_replicas, sum_of_replicas, summed_by_row
from trainer.sizes import ModelSizes
from trainer.target_attention import TargetAttention
from trainer.uncertainty_weights import UncertaintyWeights
from trainer.vector_encoder import VectorEncoder

Features = Mapping[str, tf.Tensor]

_TEXT_DIM = 16
_VECTOR_DIM = 16
_ATTRIBUTE_DIM = 8
_EVENT_TYPE_DIM = 4
# Logarithms of seconds, centred on a day; a minute and ten years come near -2 and 2.
_LOG_DAY, _LOG_SCALE = math.log(86400.0), 4.0

# A logit of whether a normal value is above something: 1.7 for each of its standard deviations, which are
# 0.85 of those of all values once the item and the user are known.
_LOGITS_A_DEVIATION = 2.0


class LabelScale(NamedTuple):
    """Mean and standard deviation of a regression's labels in the training split."""

    mean: float = 0.0
    std: float = 1.0


class RankingModel(tfrs.models.Model):
    """Scores candidates for a query, one score a task.

    A candidate is described by its retrieval embedding, text, vectors and attributes, the query by its own
    embedding, attributes and history, and the pair by how near the candidate is to the query and to the
    items of the history, by what the candidate finds there (:class:`TargetAttention`), and by factors
    (:class:`HistoryFactors`). Crossed (DCN-v2, Wang et al. 2021), it is read by what the tasks share; only
    means and factors go past that. They are what the estimate of a value starts from, as Koren's baseline
    (2009) and the product of the factors, and the other tasks' heads weigh them; the rest learns what to add.
    """

    def __init__(
        self,
        config: RankingConfig,
        sizes: ModelSizes,
        tables: CandidateTables,
        value_std: float,
        scales: Mapping[str, LabelScale] | None = None,
        num_examples: int | None = None,
    ):
        """Initializes the model.

        Args:
          config: Tasks and hyperparameters.
          sizes: Numbers of users and of attribute values.
          tables: The candidates.
          value_std: Standard deviation of the values in the training split.
          scales: Regression that is not of the value to the scale of its labels; by default 0 and 1.
          num_examples: Of the training split, exposures included; by default what the tables count.
        """
        super().__init__(name="ranking")
        self._config = config
        self.statistics = RankingStatistics(tables, value_std)
        self._scales = dict(scales or {})
        self._attributes = {
            name: tf.constant(values)
            for name, values in tables.attributes.items()
            if name not in sizes.item_vectors
        }
        self.embeddings = tf.Variable(tables.embeddings, trainable=False, name="embeddings")
        self.text_embeddings = tf.Variable(tables.text_embeddings, trainable=False, name="text_embeddings")
        self.vectors = [
            tf.Variable(tables.attributes[name], trainable=False, name=name) for name in sizes.item_vectors
        ]
        # Similarities and factors do not stand rounding, and cost little beside what the tasks share.
        with computing_in(FLOAT32):
            self._build_encoders(sizes)
            self._build_history_layers(sizes, max(num_examples or float(tables.counts.sum()), 1.0))
            self._build_tasks()
        self._bottom = build_bottom(
            config.architecture,
            [task.name for task in config.tasks],
            config.hidden_dims,
            config.dropout,
            config.num_experts,
            config.num_task_experts,
        )

    @untouched_by_autograph
    def make_variables(self, features: Features) -> None:
        """Makes the variables that the first step would make, from some examples, with the same values.

        Replicas draw for themselves; so where there are several, this comes first, outside of them.
        """
        self.score(features, features["query_embedding"], features[ITEM_ID][:, tf.newaxis])
        if self._uncertainty is not None:
            self._uncertainty({task.name: tf.constant(0.0) for task in self._config.tasks})

    @untouched_by_autograph
    def train_step(self, features: Features) -> dict[str, tf.Tensor]:
        """One step, on the mean of the replicas' losses: they have as many examples each."""
        with tf.GradientTape() as tape:
            loss = self.compute_loss(features, training=True)
            regularization = self._regularization()
            total = (loss + regularization) / num_replicas()
        gradients = summed_by_row(tape.gradient(total, self.trainable_variables))
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return self._figures(features, loss, regularization)

    @untouched_by_autograph
    def test_step(self, features: Features) -> dict[str, tf.Tensor]:
        """The loss and the tasks' metrics."""
        return self._figures(features, self.compute_loss(features), self._regularization())

    def _regularization(self) -> tf.Tensor:
        """The weights' share of the loss."""
        return tf.reduce_sum([tf.reduce_sum(loss) for loss in self.losses])

    def _figures(
        self, features: Features, loss: tf.Tensor, regularization: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """What a step says of itself: of all replicas, whose shares of a batch may differ in size."""
        if num_replicas() > 1:
            size = tf.cast(tf.size(features[ITEM_ID]), loss.dtype)
            loss = tf.math.divide_no_nan(sum_of_replicas(size * loss), sum_of_replicas(size))
        return {
            **{metric.name: metric.result() for metric in self.metrics},
            "loss": loss,
            "regularization_loss": regularization,
            "total_loss": loss + regularization,
        }

    def _build_encoders(self, sizes: ModelSizes) -> None:
        """Of what a query and a candidate are by themselves."""
        self._text = tf_keras.layers.Dense(_TEXT_DIM, activation="relu", name="text")
        self._vectors = None
        if sizes.item_vectors:
            self._vectors = VectorEncoder(sizes.item_vectors, _VECTOR_DIM, name="vectors")
        self._query = AttributeEncoder(
            sizes.query_attributes, sizes.query_numbers, _ATTRIBUTE_DIM, name="query"
        )
        self._candidate = AttributeEncoder(
            sizes.item_attributes, sizes.item_numbers, _ATTRIBUTE_DIM, name="candidate"
        )

    def _build_history_layers(self, sizes: ModelSizes, num_examples: float) -> None:
        """Of what a candidate is beside a history."""
        config = self._config
        self._factors = self._attention = self._event_types = None
        if config.factor_dim:
            self._factors = HistoryFactors(
                num_items=self.statistics.unknown + 1,
                num_users=sizes.num_users,
                dim=config.factor_dim,
                l2=config.factor_prior / num_examples,
                name="factors",
            )
        if config.attention_heads:
            self._attention = TargetAttention(config.attention_heads, config.attention_dim, name="attention")
            if sizes.num_event_types:
                self._event_types = tf_keras.layers.Embedding(
                    sizes.num_event_types, _EVENT_TYPE_DIM, name="event_types"
                )

    def _build_tasks(self) -> None:
        """The crosses, and what the tasks have of their own."""
        config = self._config
        self._crosses = [
            tfrs.layers.dcn.Cross(config.cross_rank or None, name=f"cross_{number}")
            for number in range(config.cross_layers)
        ]
        self._heads = {task.name: tf_keras.layers.Dense(1, name=task.name) for task in config.tasks}
        self._tasks = {task.name: ranking_task(task) for task in config.tasks}
        self._uncertainty = None
        if config.loss_weights == "uncertainty":
            regressions = {task.name: task.is_regression for task in config.tasks}
            self._uncertainty = UncertaintyWeights(regressions, name="uncertainty")

    @property
    def query_attributes(self) -> AttributeEncoder:
        """Encodes the query's attributes."""
        return self._query

    @property
    def candidate_attributes(self) -> AttributeEncoder:
        """Encodes the candidates' attributes."""
        return self._candidate

    @property
    def factors(self) -> HistoryFactors | None:
        """The factors, if there are any."""
        return self._factors

    @property
    def event_types(self) -> tf_keras.layers.Embedding | None:
        """Embeds the types of a history's events, if they have types."""
        return self._event_types

    def scale(self, task: TaskConfig) -> LabelScale:
        """On what scale a task's scores are; that of logits is 0 and 1."""
        if task.is_value:
            return LabelScale(self.statistics.mean_value, self.statistics.value_std)
        return self._scales.get(task.name, LabelScale())

    def score(
        self,
        features: Features,
        query_embeddings: tf.Tensor,
        rows: tf.Tensor,
        training: bool = False,
        own: OwnEvents | None = None,
    ) -> dict[str, tf.Tensor]:
        """Scores candidates.

        Args:
          features: Transformed query features, the history as corpus rows.
          query_embeddings: [B, dim] from the query tower.
          rows: [B, K] int32 candidates of each query; -1 for an unknown item, as its row.
          training: Whether dropout is on.
          own: [B, 1], the interactions themselves while training, of one candidate a query: they are taken
            out of their items' statistics, or the model would learn to read its own labels.

        Returns:
          Task to [B, K]: an estimated number, or a logit, not calibrated.
        """
        rows = self.statistics.known_rows(rows)
        candidates = tf.gather(self.embeddings, rows)
        history = self.statistics.history(features, rows, own)
        of_history = tf.gather(self.embeddings, history.rows)
        counts, means = self.statistics.pairs(rows, own, history)
        parts = [
            counts,
            self._alone(features, query_embeddings, candidates, rows),
            similarity_statistics(candidates, of_history, history.present),
        ]
        if self._attention is not None:
            marks = self._marks(features, history)
            parts.append(self._attention(candidates, of_history, marks, history.present))
        expected = means[..., 0] + means[..., 1]
        if self._factors is not None:
            affinity = self._factors(
                rows, features[USER_ID], history.rows, history.present, history.residuals
            ).total
            expected += affinity
            means = tf.concat([means, affinity[..., tf.newaxis]], axis=-1)
        x = start = tf.concat(parts, axis=-1)
        for cross in self._crosses:
            x = cross(start, x)
        shared = self._bottom(x, training=training)
        return {
            task.name: self._answer(task, tf.cast(shared[task.name], tf.float32), means, expected)
            for task in self._config.tasks
        }

    def _answer(
        self, task: TaskConfig, shared: tf.Tensor, means: tf.Tensor, expected: tf.Tensor
    ) -> tf.Tensor:
        """A task's scores; [B, K]."""
        scale = self.scale(task)
        inputs = shared if task.is_value else tf.concat([shared, means], axis=-1)
        score = tf.squeeze(self._heads[task.name](inputs), axis=-1)
        if task.is_value:
            score += expected
        elif task.kind == "value_at_least":
            score += _LOGITS_A_DEVIATION * expected
        elif task.kind == "above_usual":
            score += _LOGITS_A_DEVIATION * (expected - means[..., 1])
        return scale.mean + scale.std * score

    def _alone(
        self, features: Features, query_embeddings: tf.Tensor, candidates: tf.Tensor, rows: tf.Tensor
    ) -> tf.Tensor:
        """Candidates and queries by themselves, and how near they are; [B, K, width]."""
        queries = query_embeddings[:, tf.newaxis] * tf.ones_like(candidates[..., :1])
        asked = self._query(features)[:, tf.newaxis] * tf.ones_like(candidates[..., :1])
        parts = [
            candidates,
            queries,
            candidates * queries,
            tf.reduce_sum(candidates * queries, axis=-1, keepdims=True),
            self._text(tf.gather(self.text_embeddings, rows)),
            self._encode(self._candidate, self._attributes, rows),
            asked,
        ]
        if self._vectors is not None:
            vectors = dict(zip(self._vectors.widths, self.vectors, strict=True))
            parts.append(self._encode(self._vectors, vectors, rows))
        return tf.concat(parts, axis=-1)

    @staticmethod
    def _encode(
        encoder: AttributeEncoder | VectorEncoder, tables: Mapping[str, tf.Tensor], rows: tf.Tensor
    ) -> tf.Tensor:
        """What an encoder makes of [B, K] rows of tables; [B, K, width]."""
        flat = tf.reshape(rows, [-1])
        encoded = encoder({name: tf.gather(values, flat) for name, values in tables.items()})
        return tf.reshape(encoded, [tf.shape(rows)[0], tf.shape(rows)[1], encoder.output_dim])

    def _marks(self, features: Features, history: HistoryStatistics) -> tf.Tensor:
        """What is known of each event of the histories; [B, L, width]."""
        ages = (features[HISTORY_AGES] - _LOG_DAY) / _LOG_SCALE
        marks = [history.residuals[..., tf.newaxis], ages[..., tf.newaxis]]
        if self._event_types is not None:
            marks.append(self._event_types(tf.maximum(features[HISTORY_EVENT_TYPES], 0)))
        return tf.concat(marks, axis=-1)

    def compute_loss(self, features: Features, training: bool = False) -> tf.Tensor:
        """The weighted sum of the tasks' losses."""
        rows = features[ITEM_ID][:, tf.newaxis]
        own = self._own_events(features) if training else None
        scores = self.score(features, features["query_embedding"], rows, training, own)
        losses = {task.name: self._loss(task, features, scores[task.name]) for task in self._config.tasks}
        if self._uncertainty is not None:
            losses = self._uncertainty(losses)
        return tf.add_n([task.weight * losses[task.name] for task in self._config.tasks])

    def _loss(self, task: TaskConfig, features: Features, scores: tf.Tensor) -> tf.Tensor:
        """A task's loss, a scalar, the mean over the batch whatever the examples weigh; scores are [B, 1]."""
        labels, weights = features[task.label_name], features[task.weight_name]
        if task.loss == "listwise":
            return self._tasks[task.name](labels, scores[:, 0], weights, features[USER_ID])
        total = self._tasks[task.name](
            labels=labels[:, tf.newaxis], predictions=scores, sample_weight=weights[:, tf.newaxis]
        )
        return tf.math.divide_no_nan(total, tf.cast(tf.size(labels), total.dtype))

    def _own_events(self, features: Features) -> OwnEvents:
        """What the examples of a batch add to the statistics; [B, 1]."""
        counts = features[ENGAGED][:, tf.newaxis]
        for task in self._config.tasks:
            if task.is_value:
                return OwnEvents(counts, features[task.label_name][:, tf.newaxis] * counts)
        return OwnEvents(counts, tf.zeros_like(counts))
