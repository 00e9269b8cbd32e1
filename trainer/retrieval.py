"""The two-tower retrieval model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
import tf_keras

from pipeline.config.training import RetrievalConfig
from schemas.features import (
    HISTORY_AGES,
    HISTORY_EVENT_TYPES,
    HISTORY_ITEM_IDS,
    ITEM_ID,
    USER_ID,
    bucket_name,
)
from trainer.corpus import Corpus
from trainer.corpus_texts import CorpusTexts
from trainer.graphs import graph_function, untouched_by_autograph
from trainer.history_encoder import build_history_encoder
from trainer.precision import FLOAT32, computing_in
from trainer.sizes import ModelSizes
from trainer.text_tower import TextTower
from trainer.towers import Tower
from trainer.vector_encoder import VectorEncoder

Features = Mapping[str, tf.Tensor]

VALIDATION_K = 20

_MAX_SCORES = 1 << 26  # of a batch of queries with the whole corpus: 256 MiB
_MIN_VALIDATION_BATCH, _MAX_VALIDATION_BATCH = 16, 2048


class RetrievalModel(tfrs.models.Model):
    """Query tower (id, attributes, history) and candidate tower (id, attributes, text, vectors).

    History and candidates share their item embeddings; to a history's is added that of the event's
    type, if there are types, which is zeros for one that training has not seen. An item without an
    interaction in the training split, and one outside the corpus, take the embedding of the unknown
    item, which `id_dropout` trains, so that text, vectors and attributes carry them.

    Trained by in-batch softmax with the logQ correction (Yi et al. 2019), accidental hits
    removed, and a learnt temperature.
    """

    def __init__(
        self,
        config: RetrievalConfig,
        sizes: ModelSizes,
        corpus: Corpus,
        item_counts: np.ndarray,
        text_tower: TextTower,
        text_cache_mb: int,
    ):
        """Initializes the model.

        Args:
          config: Hyperparameters.
          sizes: Numbers of users and of attribute values.
          corpus: The candidates.
          item_counts: [num_items] interactions of each item in the training split.
          text_tower: Reads the candidates' texts.
          text_cache_mb: Memory that its frozen layers' outputs may take.
        """
        super().__init__(name="retrieval")
        self._config = config
        self._unknown = corpus.num_items
        self._attributes = {name: tf.constant(values) for name, values in corpus.features.items()}
        trained = np.append(item_counts > 0, False)
        self._id_rows = tf.constant(
            np.where(trained, np.arange(corpus.num_items + 1), self._unknown), tf.int32
        )
        shares = np.append(np.maximum(item_counts, 1), 1) / max(item_counts.sum(), 1)
        self._sampling_probability = tf.constant(shares, tf.float32)

        self.generator = tf.random.Generator.from_seed(0)  # see trainer/randomness.py
        self.text_tower = text_tower
        self._texts = CorpusTexts(text_tower, corpus.texts, text_cache_mb)
        embedding = tf_keras.layers.Embedding
        self.item_embedding = embedding(corpus.num_items + 1, config.id_dim, name="item_id")
        self.user_embedding = embedding(sizes.num_users, config.id_dim, name="user_id")
        self._embedding_dropout = tf_keras.layers.Dropout(config.dropout)
        # The index of an absent number's bucket is the last one.
        self._absent_buckets = {
            name: sizes.query_attributes[bucket_name(name)] - 1 for name in sizes.history_numbers
        }
        self.history_encoder = build_history_encoder(config.history_encoder, sizes.history_length)
        self.event_type_embedding = None
        if sizes.num_event_types:
            self.event_type_embedding = embedding(
                sizes.num_event_types, config.id_dim, embeddings_initializer="zeros", name="event_type"
            )
        self.vector_encoder = None
        if sizes.item_vectors:
            self.vector_encoder = VectorEncoder(sizes.item_vectors, config.vector_dim, name="vectors")
        self.text_projection = tf_keras.layers.Dense(config.id_dim, name="text_projection")
        self.query_tower = self._tower(sizes.query_attributes, sizes.query_numbers, "query_tower")
        self.candidate_tower = self._tower(sizes.item_attributes, sizes.item_numbers, "candidate_tower")
        self.log_temperature = tf.Variable(
            np.log(config.initial_temperature), dtype=tf.float32, name="log_temperature"
        )
        # Filled before each validation and at the end of training.
        self.corpus_embeddings = tf.Variable(
            tf.zeros([corpus.num_items + 1, config.embedding_dim]), trainable=False, name="corpus_embeddings"
        )
        self.text_optimizer = tf_keras.optimizers.Adam(config.text_learning_rate)
        with computing_in(FLOAT32):
            self.task = tfrs.tasks.Retrieval(remove_accidental_hits=True)
        self._recall = tf_keras.metrics.Mean(name=f"recall_at_{VALIDATION_K}")

    def _tower(self, vocabulary_sizes: Mapping[str, int], numbers: tuple[str, ...], name: str) -> Tower:
        config = self._config
        return Tower(
            vocabulary_sizes,
            numbers,
            config.attribute_dim,
            config.hidden_dims,
            config.embedding_dim,
            config.dropout,
            name=name,
        )

    @untouched_by_autograph
    def query_embeddings(self, features: Features, training: bool = False) -> tf.Tensor:
        """Encodes queries.

        Args:
          features: Transformed interaction features, `history_item_ids` as corpus rows.
          training: Whether dropout is on.

        Returns:
          [B, embedding_dim] of length one.
        """
        if training:
            features = self._drop_times(features)
        history_rows = features[HISTORY_ITEM_IDS]
        history = self.item_embedding(tf.gather(self._id_rows, tf.maximum(history_rows, 0)))
        if self.event_type_embedding is not None:
            types = features[HISTORY_EVENT_TYPES]
            last = tf.cast(self.event_type_embedding.input_dim - 1, types.dtype)
            # An event without a type is one of a type out of the vocabulary.
            history += self.event_type_embedding(tf.where(types < 0, last, types))
        history = self._embedding_dropout(history, training=training)
        encoded = self.history_encoder(history, history_rows >= 0, features[HISTORY_AGES])
        user = self._embedding_dropout(self.user_embedding(features[USER_ID]), training=training)
        return self.query_tower(features, [encoded, user], training=training)

    def _drop_times(self, features: Features) -> Features:
        """Features of which some lack all that follows from the history's times; see `time_dropout`."""
        ages = features[HISTORY_AGES]
        dropped = self.generator.uniform([tf.shape(ages)[0]]) < self._config.time_dropout
        changed = {HISTORY_AGES: tf.where(dropped[:, tf.newaxis], 0.0, ages)}
        for name, bucket in self._absent_buckets.items():
            buckets = features[bucket_name(name)]
            changed[name] = tf.where(dropped, 0.0, features[name])
            changed[bucket_name(name)] = tf.where(dropped, tf.cast(bucket, buckets.dtype), buckets)
        return {**features, **changed}

    def candidate_embeddings(
        self, rows: tf.Tensor, attributes: Features, text_embeddings: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Encodes candidates.

        Args:
          rows: [B] int32 corpus rows; that of the unknown item for one outside the corpus.
          attributes: The candidates' transformed attributes and vectors.
          text_embeddings: [B, hidden_dim] from the text tower.
          training: Whether dropout, also of ids, is on.

        Returns:
          [B, embedding_dim] of length one.
        """
        id_rows = tf.gather(self._id_rows, rows)
        if training:
            dropped = self.generator.uniform(tf.shape(rows)) < self._config.id_dropout
            id_rows = tf.where(dropped, self._unknown, id_rows)
        vectors = [self.item_embedding(id_rows), self.text_projection(text_embeddings)]
        if self.vector_encoder is not None:
            vectors.append(self.vector_encoder(attributes))
        return self.candidate_tower(attributes, vectors, training=training)

    @untouched_by_autograph
    def corpus_candidates(self, rows: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Encodes candidates of the corpus; see :meth:`candidate_embeddings`."""
        attributes = {name: tf.gather(values, rows) for name, values in self._attributes.items()}
        texts = self._texts.embed(rows, training=training)
        return self.candidate_embeddings(rows, attributes, texts, training=training)

    def compute_loss(self, features: Features, training: bool = False) -> tf.Tensor:
        """The in-batch softmax loss, a mean over the batch."""
        rows = features[ITEM_ID]
        # Each distinct candidate, and so each distinct text, is encoded once a batch.
        distinct, positions = tf.unique(rows)
        candidates = tf.gather(self.corpus_candidates(distinct, training=training), positions)
        queries = self.query_embeddings(features, training=training)
        with computing_in(FLOAT32):  # the task makes layers of its own when it is called
            loss = self.task(
                queries * tf.exp(-self.log_temperature),
                candidates,
                candidate_sampling_probability=tf.gather(self._sampling_probability, rows),
                candidate_ids=rows,
                compute_metrics=False,
            )
        return loss / tf.cast(tf.shape(rows)[0], loss.dtype)

    def train_step(self, features: Features) -> dict[str, tf.Tensor]:
        """One step; the text tower has an optimizer of its own, with a smaller learning rate."""
        with tf.GradientTape() as tape:
            loss = self.compute_loss(features, training=True)
        self._apply_gradients(tape, loss)
        return {"loss": loss, "temperature": tf.exp(self.log_temperature)}

    @untouched_by_autograph
    def _apply_gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Steps both optimizers."""
        text_variables = self.text_tower.trainable_variables
        in_text_tower = {variable.ref() for variable in text_variables}
        tower_variables = [v for v in self.trainable_variables if v.ref() not in in_text_tower]
        tower_gradients, text_gradients = tape.gradient(loss, (tower_variables, text_variables))
        self.optimizer.apply_gradients(zip(tower_gradients, tower_variables, strict=True))
        if text_variables:
            self.text_optimizer.apply_gradients(zip(text_gradients, text_variables, strict=True))

    def freeze_texts(self) -> None:
        """Ends the fine-tuning of the text tower: its embeddings are computed once and kept."""
        self._texts.freeze()
        self.text_tower.trainable = False
        self.compile(optimizer=self.optimizer)  # when Keras takes note of what is trainable

    def test_step(self, features: Features) -> dict[str, tf.Tensor]:
        """Recall of the true item among the whole corpus, the history's items left out."""
        self._recall.update_state(tf.cast(self.ranks(features) < VALIDATION_K, tf.float32))
        return {self._recall.name: self._recall.result()}

    def ranks(self, features: Features) -> tf.Tensor:
        """[B] rank of each example's item, 0 the best, by `corpus_embeddings`; see :meth:`test_step`.

        The largest int32 for an item outside the corpus.
        """
        scores = tf.matmul(
            self.query_embeddings(features), self.corpus_embeddings[: self._unknown], transpose_b=True
        )
        history = features[HISTORY_ITEM_IDS]
        known = tf.where((history >= 0) & (history < self._unknown))
        seen = tf.stack([known[:, 0], tf.cast(tf.gather_nd(history, known), tf.int64)], axis=1)
        scores = tf.tensor_scatter_nd_update(scores, seen, tf.fill([tf.shape(seen)[0]], scores.dtype.min))
        true_rows = features[ITEM_ID]
        in_corpus = true_rows < self._unknown
        true_rows = tf.where(in_corpus, true_rows, 0)
        true_scores = tf.gather(scores, true_rows, batch_dims=1)
        own = tf.stack([tf.range(tf.size(true_rows), dtype=tf.int64), tf.cast(true_rows, tf.int64)], axis=1)
        left_out = tf.concat([seen, own], axis=0)
        rivals = tf.tensor_scatter_nd_update(
            tf.ones_like(scores, tf.bool), left_out, tf.zeros([tf.shape(left_out)[0]], tf.bool)
        )
        # What is not lower counts as better, so that neither ties nor NaN make a broken model look perfect.
        better = rivals & tf.logical_not(scores < true_scores[:, tf.newaxis])
        count = tf.reduce_sum(tf.cast(better, tf.int32), axis=1)
        return tf.where(in_corpus, count, tf.int32.max)

    def refresh_corpus_embeddings(self, batch_size: int = 1024) -> None:
        """Encodes the whole corpus into `corpus_embeddings`; the unknown item's row is zeros."""
        for start in range(0, self._unknown, batch_size):
            rows = tf.range(start, min(start + batch_size, self._unknown))
            embeddings = self._encode_rows(rows)
            self.corpus_embeddings[start : start + len(rows)].assign(embeddings)

    @graph_function(reduce_retracing=True)
    def _encode_rows(self, rows: tf.Tensor) -> tf.Tensor:
        return self.corpus_candidates(rows)

    def corpus_text_embeddings(self) -> np.ndarray:
        """[N + 1, hidden_dim] text embeddings of the corpus, that of an empty text last."""
        return self._texts.embed_all()


def validation_batch_size(num_items: int) -> int:
    """Queries that :meth:`RetrievalModel.ranks` takes at once, so that the scores' memory is bounded."""
    return min(max(_MAX_SCORES // num_items, _MIN_VALIDATION_BATCH), _MAX_VALIDATION_BATCH)


class RefreshCorpusEmbeddings(tf_keras.callbacks.Callback):
    """Encodes the corpus anew before each validation."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Keras' hook."""
        self.model.refresh_corpus_embeddings()
