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
    HISTORY_EVENT_TYPES,
    HISTORY_GAPS,
    HISTORY_ITEM_IDS,
    ITEM_ID,
    UNKNOWN_GAP,
    USER_ID,
    bucket_name,
)
from trainer.corpus import Corpus
from trainer.corpus_texts import CorpusTexts
from trainer.full_corpus import ranks_of, seen_items
from trainer.graphs import graph_function, untouched_by_autograph
from trainer.history_encoders.build import build_history_encoder
from trainer.losses import LOSSES
from trainer.moments import Moments, find_moments
from trainer.replicas import joined_replicas, sum_of_replicas, summed_by_row
from trainer.samplers import build_sampler
from trainer.sizes import ModelSizes
from trainer.text_tower import TextTower
from trainer.ties import shuffle_ties
from trainer.towers import CandidateTower, QueryTower

Features = Mapping[str, tf.Tensor]

VALIDATION_K = 20
NDCG = "ndcg"

_MAX_SCORES = 1 << 26  # of a batch of queries with the whole corpus: 256 MiB
_MIN_VALIDATION_BATCH, _MAX_VALIDATION_BATCH = 16, 2048


class RetrievalModel(tfrs.models.Model):
    """Query tower (history, attributes, id) and candidate tower (id, attributes, text, vectors).

    History and candidates share their embeddings, text and all; to a history's is added that of the
    event's type, if there are types, which is zeros for one that training has not seen. An item without
    an interaction in the training split, and one outside the corpus, take the id embedding of the unknown
    item, which `id_dropout` trains, and a middling popularity, so that text, vectors and attributes carry
    them.

    An example teaches the next event at each moment of its history, by a softmax (or BPR) over the corpus
    or a sample of it.
    """

    def __init__(
        self,
        config: RetrievalConfig,
        sizes: ModelSizes,
        corpus: Corpus,
        item_counts: np.ndarray,
        text_tower: TextTower,
        text_cache_mb: int,
        known_before: np.ndarray | None = None,
    ):
        """Initializes the model.

        Args:
          config: Hyperparameters.
          sizes: Numbers of users and of attribute values.
          corpus: The candidates.
          item_counts: [num_items] interactions of each item in the training split.
          text_tower: Reads the candidates' texts.
          text_cache_mb: Memory that its frozen layers' outputs may take.
          known_before: [num_items] bool: items whose id embedding an earlier training has learnt, which they
            keep without an interaction in this one's. By default none.
        """
        super().__init__(name="retrieval")
        self._config = config
        self._unknown = corpus.num_items
        self._attributes = {name: tf.constant(values) for name, values in corpus.features.items()}
        self._known = item_counts > 0 if known_before is None else (item_counts > 0) | known_before
        trained = np.append(self._known, False)
        self._id_rows = tf.constant(
            np.where(trained, np.arange(corpus.num_items + 1), self._unknown), tf.int32
        )
        self._popularity = tf.constant(_popularity(item_counts))
        self._sampler = build_sampler(config.sampler_for(corpus.num_items), item_counts, config.num_uniform)
        self._loss = LOSSES[config.loss]

        self.generator = tf.random.Generator.from_seed(0)  # see trainer/randomness.py
        self.text_tower = text_tower
        self._texts = CorpusTexts(text_tower, corpus.texts, text_cache_mb)
        self._build_layers(config, sizes, corpus.num_items)
        # Filled before each validation and at the end of training.
        self.corpus_embeddings = tf.Variable(
            tf.zeros([corpus.num_items + 1, config.embedding_dim + 1]),
            trainable=False,
            name="corpus_embeddings",
        )
        self.text_optimizer = tf_keras.optimizers.Adam(config.text_learning_rate)
        self._recall = tf_keras.metrics.Mean(name=f"recall_at_{VALIDATION_K}")
        self._ndcg = tf_keras.metrics.Mean(name=NDCG)

    def _build_layers(self, config: RetrievalConfig, sizes: ModelSizes, num_items: int) -> None:
        """Creates the embeddings, the history encoder and the towers."""
        embedding, dim = tf_keras.layers.Embedding, config.embedding_dim

        def small() -> tf_keras.initializers.Initializer:
            # Each table has its own: an initializer gives the same values each time.
            return tf_keras.initializers.RandomNormal(stddev=0.05)

        self.item_embedding = embedding(num_items + 1, dim, embeddings_initializer=small(), name="item_id")
        self.user_embedding = None
        if config.user_id:
            self.user_embedding = embedding(
                sizes.num_users, dim, embeddings_initializer=small(), name="user_id"
            )
        self._user_dropout = tf_keras.layers.Dropout(config.dropout)
        # The index of an absent number's bucket is the last one.
        self._absent_buckets = {
            name: sizes.query_attributes[bucket_name(name)] - 1 for name in sizes.history_numbers
        }
        self.history_encoder = build_history_encoder(config.history_encoder, sizes.history_length)
        self.event_type_embedding = None
        if sizes.num_event_types:
            self.event_type_embedding = embedding(
                sizes.num_event_types, dim, embeddings_initializer="zeros", name="event_type"
            )
        self.query_tower = QueryTower(
            sizes.query_attributes,
            sizes.query_numbers,
            config.attribute_dim,
            config.hidden_dims,
            config.dropout,
            config.initial_temperature,
            name="query_tower",
        )
        self.candidate_tower = CandidateTower(
            sizes.item_attributes,
            sizes.item_numbers,
            sizes.item_vectors,
            config.attribute_dim,
            config.content_dim,
            config.hidden_dims,
            config.dropout,
            config.reads_text,
            name="candidate_tower",
        )

    @property
    def known_items(self) -> np.ndarray:
        """[num_items] bool: items that have an id embedding of their own."""
        return self._known

    @property
    def samples_hard(self) -> bool:
        """Whether `corpus_embeddings` are searched for negatives."""
        return self._config.sampler == "hard"

    @property
    def temperature(self) -> tf.Tensor:
        """Scalar float32: what the cosine of query and candidate is divided by."""
        return self.query_tower.temperature

    @untouched_by_autograph
    def make_variables(self, features: Features) -> None:
        """Makes the variables that the first step would make, from some examples, with the same values.

        Replicas draw for themselves; so where there are several, this comes first, outside of them.
        """
        self.corpus_candidates(tf.range(1))
        self.query_embeddings(features)

    @untouched_by_autograph
    def query_embeddings(self, features: Features) -> tf.Tensor:
        """Encodes queries, the history's items by `corpus_embeddings`.

        Args:
          features: Transformed interaction features, `history_item_ids` as corpus rows.

        Returns:
          [B, embedding_dim + 1].
        """
        rows = features[HISTORY_ITEM_IDS]
        items = tf.nn.embedding_lookup(self.corpus_embeddings, tf.maximum(rows, 0))[..., :-1]
        states = self._states(features, items, training=False)
        place = tf.math.count_nonzero(rows >= 0, axis=1, dtype=tf.int32)
        moments = Moments(tf.range(tf.size(place)), place, place)
        others = [self.query_tower.encode_attributes(features)]
        return self._queries(features, states, moments, others, training=False)

    def _states(self, features: Features, items: tf.Tensor, training: bool) -> tf.Tensor:
        """What is known after each event, [B, length, dim], from the items' embeddings."""
        if self.event_type_embedding is not None:
            types = features[HISTORY_EVENT_TYPES]
            last = tf.cast(self.event_type_embedding.input_dim - 1, types.dtype)
            # An event without a type is one of a type out of the vocabulary.
            items += tf.cast(self.event_type_embedding(tf.where(types < 0, last, types)), items.dtype)
        present = features[HISTORY_ITEM_IDS] >= 0
        states = self.history_encoder(items, present=present, gaps=features[HISTORY_GAPS], training=training)
        return tf.cast(states, tf.float32)  # whatever layers compute in

    def _queries(
        self,
        features: Features,
        states: tf.Tensor,
        moments: Moments,
        others: list[tf.Tensor],
        training: bool,
    ) -> tf.Tensor:
        """Embeddings of the queries at some moments, [M, embedding_dim + 1]."""
        before = tf.stack([moments.example, tf.maximum(moments.place - 1, 0)], axis=1)
        known = moments.place > 0
        state = tf.where(known[:, tf.newaxis], tf.gather_nd(states, before), 0.0)
        gap = tf.where(known, tf.gather_nd(features[HISTORY_GAPS], before), 0.0)
        if self.user_embedding is not None:
            user = self._user_dropout(self.user_embedding(features[USER_ID]), training=training)
            others = [*others, tf.gather(user, moments.example)]
        return self.query_tower(state, gaps=gap, counts=moments.place, others=others, training=training)

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
          [B, embedding_dim + 1]: a direction of length one, and the popularity.
        """
        id_rows = tf.gather(self._id_rows, rows)
        if training:
            dropped = self.generator.uniform(tf.shape(rows)) < self._config.id_dropout
            id_rows = tf.where(dropped, self._unknown, id_rows)
        ids = self.item_embedding(id_rows)
        direction = self.candidate_tower(
            ids, features=attributes, text_embeddings=text_embeddings, training=training
        )
        return tf.concat([direction, tf.gather(self._popularity, id_rows)[:, tf.newaxis]], axis=-1)

    @untouched_by_autograph
    def corpus_candidates(self, rows: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Encodes candidates of the corpus; see :meth:`candidate_embeddings`."""
        attributes = {name: tf.gather(values, rows) for name, values in self._attributes.items()}
        texts = self._texts.embed(rows, training=training)
        return self.candidate_embeddings(rows, attributes, texts, training=training)

    def compute_loss(self, features: Features, training: bool = False) -> tf.Tensor:
        """The mean loss over all moments of the batch's histories; of a replica, its part of it.

        The candidates that its positives are among, and the number of moments that losses are divided by, are
        those of all replicas together: so are the sum of the losses and that of the gradients.
        """
        if training and self._config.shuffle_ties:
            features = shuffle_ties(features, self.event_type_embedding is None, self.generator)
        if training:
            chance = self.generator.uniform(tf.shape(features[HISTORY_ITEM_IDS])[:1])
            features = self._without_times(features, chance < self._config.time_dropout)
        moments = find_moments(features, self._unknown)
        targets = joined_replicas(moments.target)
        drawn = self._sampler.draw(targets, self._hard_rows(features), self.generator)
        history = features[HISTORY_ITEM_IDS]
        # Each distinct item, and so each distinct text, is encoded once a step.
        rows, places = tf.unique(tf.concat([drawn.rows, tf.reshape(tf.maximum(history, 0), [-1])], axis=0))
        encoded = self.corpus_candidates(rows, training=training)
        num_drawn = tf.size(drawn.rows)
        candidates = tf.gather(encoded, places[:num_drawn])
        shape = [tf.shape(history)[0], history.shape[1], self._config.embedding_dim]
        items = tf.reshape(tf.gather(encoded, places[num_drawn:])[:, :-1], shape)
        states = self._states(features, items, training)
        others = [self._attributes_at(features, moments, training)]
        queries = self._queries(features, states, moments, others, training)
        logits = tf.matmul(queries, candidates, transpose_b=True) - drawn.log_expected
        labels = tf.searchsorted(drawn.rows, moments.target)
        losses = self._loss(logits, labels)
        # A batch without a known next event teaches nothing, instead of NaN.
        num_moments = sum_of_replicas(tf.cast(tf.size(losses), losses.dtype))
        return tf.math.divide_no_nan(tf.reduce_sum(losses), num_moments)

    def _attributes_at(self, features: Features, moments: Moments, training: bool) -> tf.Tensor:
        """Encoded attributes of the queries at some moments, [M, width].

        What follows from the history's times is known of the request alone.
        """
        everything = tf.ones(tf.shape(features[HISTORY_ITEM_IDS])[:1], tf.bool)
        timeless = self.query_tower.encode_attributes(self._without_times(features, everything))
        timed = self.query_tower.encode_attributes(features)
        if training:
            left_out = self.generator.uniform([tf.shape(timed)[0], 1]) < self._config.attribute_dropout
            timed, timeless = (tf.where(left_out, 0.0, x) for x in (timed, timeless))
        count = tf.math.count_nonzero(features[HISTORY_ITEM_IDS] >= 0, axis=1, dtype=tf.int32)
        is_request = tf.equal(moments.place, tf.gather(count, moments.example))[:, tf.newaxis]
        return tf.where(is_request, tf.gather(timed, moments.example), tf.gather(timeless, moments.example))

    def _without_times(self, features: Features, lost: tf.Tensor) -> Features:
        """Features of queries, some of which, [B] bool, lack their histories' times and what they tell."""
        gaps = tf.where(lost[:, tf.newaxis], UNKNOWN_GAP, features[HISTORY_GAPS])
        changed = {HISTORY_GAPS: gaps}
        for name, bucket in self._absent_buckets.items():
            changed[name] = tf.where(lost, 0.0, features[name])
            buckets = features[bucket_name(name)]
            changed[bucket_name(name)] = tf.where(lost, tf.cast(bucket, buckets.dtype), buckets)
        return {**features, **changed}

    def _hard_rows(self, features: Features) -> tf.Tensor:
        """[H] int32: the best rivals of the requests' items by the last `corpus_embeddings`."""
        if not self.samples_hard:
            return tf.zeros([0], tf.int32)
        is_seen = seen_items(features[HISTORY_ITEM_IDS], self._unknown)
        scores = tf.where(is_seen, tf.float32.min, self._scores(features))
        return tf.reshape(tf.math.top_k(scores, min(self._config.num_hard, self._unknown)).indices, [-1])

    def _scores(self, features: Features) -> tf.Tensor:
        """[B, N] scores of the whole corpus by `corpus_embeddings`."""
        return tf.matmul(
            self.query_embeddings(features), self.corpus_embeddings[: self._unknown], transpose_b=True
        )

    def train_step(self, features: Features) -> dict[str, tf.Tensor]:
        """One step; the text tower has an optimizer of its own, with a smaller learning rate."""
        with tf.GradientTape() as tape:
            loss = self.compute_loss(features, training=True)
        self._apply_gradients(tape, loss)
        return {"loss": sum_of_replicas(loss), "temperature": self.temperature}

    @untouched_by_autograph
    def _apply_gradients(self, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Steps both optimizers."""
        text_variables = self.text_tower.trainable_variables
        in_text_tower = {variable.ref() for variable in text_variables}
        tower_variables = [v for v in self.trainable_variables if v.ref() not in in_text_tower]
        gradients = tape.gradient(loss, (tower_variables, text_variables))
        tower_gradients, text_gradients = map(summed_by_row, gradients)
        self.optimizer.apply_gradients(zip(tower_gradients, tower_variables, strict=True))
        if text_variables:
            self.text_optimizer.apply_gradients(zip(text_gradients, text_variables, strict=True))

    def freeze_texts(self) -> None:
        """Ends the fine-tuning of the text tower: its embeddings are computed once and kept."""
        self._texts.freeze()
        self.text_tower.trainable = False
        self.compile(optimizer=self.optimizer)  # when Keras takes note of what is trainable

    def test_step(self, features: Features) -> dict[str, tf.Tensor]:
        """Recall and NDCG of the true item among the whole corpus, the history's items left out.

        NDCG counts every rank, so that it also tells training's progress where the best lists are out of
        reach, as for items that are new.
        """
        ranks = self.ranks(features)
        self._recall.update_state(tf.cast(ranks < VALIDATION_K, tf.float32))
        gains = tf.math.log(2.0) / tf.math.log(tf.cast(ranks, tf.float32) + 2.0)
        self._ndcg.update_state(tf.where(ranks < self._unknown, gains, 0.0))
        return {metric.name: metric.result() for metric in (self._recall, self._ndcg)}

    def ranks(self, features: Features) -> tf.Tensor:
        """[B] rank of each example's item, 0 the best, by `corpus_embeddings`; see :func:`ranks_of`."""
        is_seen = seen_items(features[HISTORY_ITEM_IDS], self._unknown)
        return ranks_of(features[ITEM_ID], self._scores(features), is_seen)

    def refresh_corpus_embeddings(self, batch_size: int = 1024) -> None:
        """Encodes the whole corpus, and the unknown item, into `corpus_embeddings`."""
        for start in range(0, self._unknown + 1, batch_size):
            rows = tf.range(start, min(start + batch_size, self._unknown + 1))
            embeddings = self._encode_rows(rows)
            for copy in self.distribute_strategy.experimental_local_results(self.corpus_embeddings):
                copy[start : start + len(rows)].assign(embeddings)

    @graph_function(reduce_retracing=True)
    def _encode_rows(self, rows: tf.Tensor) -> tf.Tensor:
        return self.corpus_candidates(rows)

    def corpus_text_embeddings(self) -> np.ndarray:
        """[N + 1, hidden_dim] text embeddings of the corpus, that of an empty text last."""
        return self._texts.embed_all()


def _popularity(item_counts: np.ndarray) -> np.ndarray:
    """[N + 1] float32 z-scores of log(1 + count); 0, the mean, for unseen items and the unknown one."""
    seen = item_counts > 0
    logs = np.log1p(item_counts[seen])
    scores = np.zeros(len(item_counts) + 1, np.float32)
    if len(logs):
        scores[:-1][seen] = (logs - logs.mean()) / max(float(logs.std()), 1e-6)
    return scores


def validation_batch_size(num_items: int) -> int:
    """Queries that :meth:`RetrievalModel.ranks` takes at once, so that the scores' memory is bounded."""
    return min(max(_MAX_SCORES // num_items, _MIN_VALIDATION_BATCH), _MAX_VALIDATION_BATCH)


class RefreshCorpusEmbeddings(tf_keras.callbacks.Callback):
    """Encodes the corpus anew before each validation, and before an epoch that looks for hard negatives."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Keras' hook."""
        if self.model.samples_hard:
            self.model.refresh_corpus_embeddings()

    def on_test_begin(self, logs: Any = None) -> None:
        """Keras' hook."""
        self.model.refresh_corpus_embeddings()
