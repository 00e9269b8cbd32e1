"""The multi-task ranking model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
import tf_keras

from pipeline.config.training import RankingConfig, TaskConfig
from schemas.features import ENGAGED, HISTORY_ITEM_IDS, HISTORY_VALUES, ITEM_ID, USER_ID
from trainer.attribute_encoder import AttributeEncoder
from trainer.graphs import untouched_by_autograph
from trainer.precision import FLOAT32, computing_in
from trainer.sizes import ModelSizes
from trainer.vector_encoder import VectorEncoder

Features = Mapping[str, tf.Tensor]

_TEXT_DIM = 16
_VECTOR_DIM = 16
_ID_DIM = 16
# Weight of the mean over all items in an item's own, counted in interactions.
_PRIOR_COUNT = 5.0
# Sharpness of the similarity between a candidate and the items of a history.
_SIMILARITY_SCALE = 5.0


@dataclass(frozen=True)
class CandidateTables:
    """What the ranking model knows of each corpus row; the unknown item's row is the last.

    Attributes:
      embeddings: [N + 1, dim] retrieval embeddings, of length one.
      text_embeddings: [N + 1, hidden_dim] from the text tower.
      attributes: Transformed attributes, [N + 1] or [N + 1, values], and dense vectors.
      counts: [N + 1] interactions in the training split, exposures left out.
      value_sums: [N + 1] sum of their values.
    """

    embeddings: np.ndarray
    text_embeddings: np.ndarray
    attributes: dict[str, np.ndarray]
    counts: np.ndarray
    value_sums: np.ndarray

    @property
    def mean_value(self) -> float:
        """Mean value over all interactions; 0 without values."""
        return float(self.value_sums.sum() / max(self.counts.sum(), 1))


class OwnEvents(NamedTuple):
    """What the examples themselves add to their items' statistics.

    Attributes:
      counts: [B, K] float32, 1, or 0 for an exposure.
      values: [B, K] float32, the value of what is counted, else 0.
    """

    counts: tf.Tensor
    values: tf.Tensor


class RankingModel(tfrs.models.Model):
    """Scores candidates for a query, one score a task, from a shared bottom (Caruana 1997).

    A candidate is described by its retrieval embedding, text, vectors, attributes and id, the query by
    its own embedding, attributes and history, and the pair by how near the candidate is to the
    query and to each item of the history; with values, by what the user gave to near items.
    """

    def __init__(self, config: RankingConfig, sizes: ModelSizes, tables: CandidateTables, value_std: float):
        """Initializes the model.

        Args:
          config: Tasks and hyperparameters.
          sizes: Numbers of users and of attribute values.
          tables: The candidates.
          value_std: Standard deviation of the values in the training split.
        """
        super().__init__(name="ranking")
        self._config = config
        self._unknown = len(tables.counts) - 1
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
        self._counts = tf.constant(tables.counts, tf.float32)
        self._value_sums = tf.constant(tables.value_sums, tf.float32)
        self.mean_value = tables.mean_value
        self.value_std = max(value_std, 1e-6)

        layers = tf_keras.layers
        self._user = layers.Embedding(sizes.num_users, _ID_DIM, name="user_id")
        self._item = layers.Embedding(self._unknown + 1, _ID_DIM, name="item_id")
        self._text = layers.Dense(_TEXT_DIM, activation="relu", name="text")
        self._vectors = None
        if sizes.item_vectors:
            self._vectors = VectorEncoder(sizes.item_vectors, _VECTOR_DIM, name="vectors")
        dim = 8
        self._query = AttributeEncoder(sizes.query_attributes, sizes.query_numbers, dim, name="query")
        self._candidate = AttributeEncoder(sizes.item_attributes, sizes.item_numbers, dim, name="candidate")
        self._shared = [layers.Dense(width, activation="relu") for width in config.hidden_dims]
        self._dropout = layers.Dropout(config.dropout)
        self._heads = {task.name: self._head(task) for task in config.tasks}
        with computing_in(FLOAT32):  # or labels would be rounded
            self._tasks = {task.name: _ranking_task(task) for task in config.tasks}

    train_step = untouched_by_autograph(tfrs.models.Model.train_step)
    test_step = untouched_by_autograph(tfrs.models.Model.test_step)

    def _head(self, task: TaskConfig) -> tf_keras.layers.Layer:
        bias = self.mean_value if task.is_regression else 0.0
        return tf_keras.layers.Dense(1, bias_initializer=tf_keras.initializers.Constant(bias), name=task.name)

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
          own: The interactions themselves while training: they are taken out of their items'
            statistics, or the model would learn to read its own labels.

        Returns:
          Task to [B, K]: an estimated value, or a logit.
        """
        rows = self.known_rows(rows)
        candidates = tf.gather(self.embeddings, rows)
        queries = tf.repeat(query_embeddings[:, tf.newaxis], tf.shape(rows)[1], axis=1)
        parts = [
            candidates,
            queries,
            candidates * queries,
            tf.reduce_sum(candidates * queries, axis=-1, keepdims=True),
            self._text(tf.gather(self.text_embeddings, rows)),
            self._item(rows),
            self._encode_candidates(rows),
            self._encode_queries(features, tf.shape(rows)[1]),
            self._item_statistics(rows, own),
            self._history_statistics(features, candidates),
        ]
        if self._vectors is not None:
            parts.append(self._encode_vectors(self._vectors, rows))
        # Layers give what they compute in; the rest is float32, and so are the scores.
        x = tf.concat([tf.cast(part, tf.float32) for part in parts], axis=-1)
        for layer in self._shared:
            x = self._dropout(layer(x), training=training)
        return {name: tf.cast(tf.squeeze(head(x), axis=-1), tf.float32) for name, head in self._heads.items()}

    def known_rows(self, rows: tf.Tensor) -> tf.Tensor:
        """Corpus rows, the unknown item's in place of -1."""
        return tf.where(rows < 0, self._unknown, rows)

    def _encode_candidates(self, rows: tf.Tensor) -> tf.Tensor:
        """Attributes of [B, K] candidates as [B, K, width]."""
        flat = tf.reshape(rows, [-1])
        encoded = self._candidate(
            {name: tf.gather(values, flat) for name, values in self._attributes.items()}
        )
        return tf.reshape(encoded, [tf.shape(rows)[0], tf.shape(rows)[1], self._candidate.output_dim])

    def _encode_vectors(self, encoder: VectorEncoder, rows: tf.Tensor) -> tf.Tensor:
        """Dense vectors of [B, K] candidates as [B, K, width]."""
        flat = tf.reshape(rows, [-1])
        vectors = zip(encoder.widths, self.vectors, strict=True)
        encoded = encoder({name: tf.gather(values, flat) for name, values in vectors})
        return tf.reshape(encoded, [tf.shape(rows)[0], tf.shape(rows)[1], encoder.output_dim])

    def _encode_queries(self, features: Features, num_candidates: tf.Tensor) -> tf.Tensor:
        """Id and attributes of the queries, repeated for each candidate."""
        encoded = tf.concat([self._user(features[USER_ID]), self._query(features)], axis=-1)
        return tf.repeat(encoded[:, tf.newaxis], num_candidates, axis=1)

    def _item_statistics(self, rows: tf.Tensor, own: OwnEvents | None) -> tf.Tensor:
        """Popularity and, if there are values, the smoothed mean value; [B, K, 2]."""
        counts, sums = tf.gather(self._counts, rows), tf.gather(self._value_sums, rows)
        if own is not None:
            counts, sums = tf.maximum(counts - own.counts, 0.0), sums - own.values
        means = (sums + _PRIOR_COUNT * self.mean_value) / (counts + _PRIOR_COUNT)
        return tf.stack([tf.math.log1p(counts), (means - self.mean_value) / self.value_std], axis=-1)

    def _history_statistics(self, features: Features, candidates: tf.Tensor) -> tf.Tensor:
        """How the candidates stand to the history; [B, K, 6]."""
        rows = features[HISTORY_ITEM_IDS]
        present = tf.cast((rows >= 0) & (rows < self._unknown), tf.float32)
        count = tf.reduce_sum(present, axis=1, keepdims=True)
        history = tf.gather(self.embeddings, tf.maximum(rows, 0))
        similarity = tf.einsum("bld,bkd->bkl", history, candidates) * present[:, tf.newaxis]
        # Padding is no neighbour; without a history there is none.
        nearest = tf.reduce_max(similarity - 2.0 * (1.0 - present[:, tf.newaxis]), axis=-1)
        nearest = tf.where(count > 0, nearest, 0.0)
        mean = tf.math.divide_no_nan(tf.reduce_sum(similarity, axis=-1), count)
        length = tf.math.log1p(count) * tf.ones_like(nearest)
        statistics = [nearest, mean, length]
        if HISTORY_VALUES in features:
            values = (features[HISTORY_VALUES] - self.mean_value) / self.value_std * present
            usual = tf.reduce_sum(values, axis=1, keepdims=True) / (count + 1.0)
            spread = tf.sqrt(
                tf.reduce_sum(tf.square(values - usual) * present, 1, keepdims=True) / (count + 1.0)
            )
            weights = tf.exp(_SIMILARITY_SCALE * similarity) * present[:, tf.newaxis]
            near = tf.einsum("bkl,bl->bk", weights, values - usual) / (tf.reduce_sum(weights, axis=-1) + 1.0)
            statistics += [usual * tf.ones_like(nearest), spread * tf.ones_like(nearest), near]
        return tf.stack(statistics, axis=-1)

    def compute_loss(self, features: Features, training: bool = False) -> tf.Tensor:
        """The weighted sum of the tasks' losses."""
        rows = features[ITEM_ID][:, tf.newaxis]
        own = self._own_events(features) if training else None
        scores = self.score(features, features["query_embedding"], rows, training, own)
        loss = tf.zeros([])
        for task in self._config.tasks:
            loss += task.weight * self._tasks[task.name](
                labels=features[task.label_name][:, tf.newaxis],
                predictions=scores[task.name],
                sample_weight=features[task.weight_name][:, tf.newaxis],
            )
        return loss

    def _own_events(self, features: Features) -> OwnEvents:
        """What the examples of a batch add to the statistics; [B, 1]."""
        counts = features[ENGAGED][:, tf.newaxis]
        for task in self._config.tasks:
            if task.is_regression:
                return OwnEvents(counts, features[task.label_name][:, tf.newaxis] * counts)
        return OwnEvents(counts, tf.zeros_like(counts))


def _ranking_task(task: TaskConfig) -> tfrs.tasks.Ranking:
    """Loss and metrics of a task."""
    if task.is_regression:
        return tfrs.tasks.Ranking(
            loss=tf_keras.losses.MeanSquaredError(),
            metrics=[tf_keras.metrics.RootMeanSquaredError(name=f"{task.name}_rmse")],
        )
    return tfrs.tasks.Ranking(
        loss=tf_keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[tf_keras.metrics.AUC(from_logits=True, name=f"{task.name}_auc")],
    )
