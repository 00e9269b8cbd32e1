"""Trains and saves the fusion of all sources, on interactions that none of them has learnt from."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.config.training import FusionConfig
from pipeline.progress import PROGRESS_LOGGER
from pipeline.splits import EVAL
from serving.bundle_settings import BundleSettings
from serving.candidate_generator import CandidateGenerator
from serving.fusion import FusionModel, standardised
from serving.index import ExactIndex
from serving.judged_interactions import JudgedInteractions
from serving.request_controls import plain_controls
from trainer.graphs import graph_function

REPORT_FILE = "fusion.json"

_LOGGER = logging.getLogger(PROGRESS_LOGGER)
_BATCH = 256
_SET_ASIDE = 5  # one user in so many says when to stop
_BLOCK = 128


@dataclass(frozen=True)
class Lists:
    """Candidate lists in memory, each with one item that the user went for.

    Attributes:
      features: [E, K, S] float32 standardised scores.
      valid: [E, K] bool.
      labels: [E] int32 place of the item.
      evidence: [E] float32 log(1 + items seen).
      users: [E] int.
    """

    features: np.ndarray
    valid: np.ndarray
    labels: np.ndarray
    evidence: np.ndarray
    users: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Lists:
        return Lists(*(values[rows] for values in vars(self).values()))

    def __len__(self) -> int:
        return len(self.labels)


def train_fusion(
    retrieval_dir: str,
    collaborative_dir: str,
    ranking_dir: str,
    examples_dir: str,
    settings: BundleSettings,
    config: FusionConfig,
    seed: int,
    output_dir: str,
) -> dict[str, Any]:
    """Learns the order from the eval split.

    Args:
      retrieval_dir: SavedModel of the retrieval module.
      collaborative_dir: SavedModel of the collaborative module.
      ranking_dir: SavedModel of the ranking module.
      examples_dir: Artifact folder of the raw interactions.
      settings: The bundle's.
      config: Sources and hyperparameters.
      seed: Of every draw.
      output_dir: Gets the SavedModel of a :class:`FusionModel`, and `fusion.json`.

    Returns:
      What the report holds: examples, the share of them whose item was among the candidates, NDCG@10
      among the candidates of the users that were set aside, of each source alone and of the fusion.
    """
    generator, ranking = load_sources(retrieval_dir, collaborative_dir, ranking_dir, settings)
    names = [*generator.sources, *(task.name for task in settings.tasks)]
    sources = [name for name in names if config.sources is None or name in config.sources]
    model = FusionModel(sources, config.hidden_dim, seed)
    item_ids = tf.saved_model.load(retrieval_dir).corpus.item_ids.numpy()
    data = JudgedInteractions(
        examples_dir, settings, item_ids, seed, max_judged=config.max_examples, split=EVAL
    )
    lists, found = collect_lists(data, generator, ranking, model.sources)
    tf_keras.utils.set_random_seed(seed)
    aside = lists.users % _SET_ASIDE == 0
    if aside.all() or not aside.any():  # of so few users none can be spared
        aside = np.arange(len(lists)) % _SET_ASIDE == 0
    train, validation = lists[np.flatnonzero(~aside)], lists[np.flatnonzero(aside)]
    figures = fit_fusion(model, train, validation, config, seed)
    report = {"examples": len(lists), "candidates_hold_the_item": found, "ndcg_at_10": figures}
    tf.saved_model.save(FusionModule(model), output_dir)
    Path(output_dir, REPORT_FILE).write_text(json.dumps(report, indent=2), encoding="utf-8")
    _LOGGER.info("fusion: NDCG@10 among the candidates %.4f, %s", figures["fusion"], _best_of(figures))
    return report


def load_sources(
    retrieval_dir: str, collaborative_dir: str, ranking_dir: str, settings: BundleSettings
) -> tuple[CandidateGenerator, Any]:
    """The candidate generator over exact search, and the ranking module."""
    retrieval = tf.saved_model.load(retrieval_dir)
    index = ExactIndex(retrieval.corpus.embeddings.numpy()[:-1])
    generator = CandidateGenerator(
        retrieval,
        index,
        tf.saved_model.load(collaborative_dir),
        settings.index.retrieved,
        settings.index.from_others,
    )
    return generator, tf.saved_model.load(ranking_dir)


class FusionModule(tf.Module):
    """A trained fusion as a SavedModel.

    Functions:
      order: [B, K, S] features and [B] evidence to [B, K] order scores.
      weights: [B] evidence to [B, S], what each source counts in the sum that is the order's larger part.

    Variables: `sources` [S] strings, the scores that the features hold.
    """

    def __init__(self, model: FusionModel):
        """Takes a trained model."""
        super().__init__(name="fusion")
        self._model = model
        self.sources = tf.Variable(list(model.sources), dtype=tf.string, trainable=False)
        self.order = model.__call__
        self.weights = model.weights


def collect_lists(
    data: JudgedInteractions, generator: CandidateGenerator, ranking: Any, sources: Sequence[str]
) -> tuple[Lists, float]:
    """Asks for the candidates of each interaction that was new to its user.

    Returns:
      The lists that hold the item, and what share of all lists they are.
    """
    queries = np.flatnonzero(data.is_new & data.is_engaged)
    users = data.table["user_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    parts: list[tuple[np.ndarray, ...]] = []

    @graph_function(reduce_retracing=True)
    def ask(examples: tf.Tensor) -> tuple[tf.Tensor, ...]:
        raw = generator.parse(examples)
        controls = plain_controls(tf.size(examples), k=0)
        candidates = generator.generate(raw, generator.seen(raw), controls)
        tasks = ranking.task_scores(candidates.inputs, candidates.queries, candidates.rows)
        scores = {**candidates.scores, **tasks}
        features = standardised(tf.stack([scores[name] for name in sources], -1), candidates.valid)
        return candidates.rows, candidates.valid, features, candidates.num_seen

    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        rows, valid, features, num_seen = (x.numpy() for x in ask(tf.constant(data.requests(block))))
        is_item = (rows == data.targets[block][:, np.newaxis]) & valid
        held = is_item.any(axis=1)
        evidence = np.log1p(num_seen[held].astype(np.float32))
        labels = is_item[held].argmax(axis=1).astype(np.int32)
        parts.append((features[held], valid[held], labels, evidence, users[block][held]))
    lists = Lists(*(_stacked([part[i] for part in parts]) for i in range(5)))
    return lists, len(lists) / max(len(queries), 1)


def _stacked(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenates arrays whose second dimensions differ, padded with zeros."""
    if parts[0].ndim == 1:
        return np.concatenate(parts)
    widest = max(part.shape[1] for part in parts)
    padded = [
        np.pad(part, [(0, 0), (0, widest - part.shape[1]), *([(0, 0)] * (part.ndim - 2))]) for part in parts
    ]
    return np.concatenate(padded)


def fit_fusion(
    model: FusionModel, train: Lists, validation: Lists, config: FusionConfig, seed: int
) -> dict[str, float]:
    """Fits until NDCG on the users that were set aside stops rising.

    Once from even weights, and once from the order of the source that is best alone, which little data may
    not suffice to find; the better of both is kept.

    Returns:
      NDCG@10 among the candidates of the users that were set aside, of each source alone and of the fusion.
    """
    alone = {
        name: _ndcg_of(validation.features[..., place], validation)
        for place, name in enumerate(model.sources)
    }
    untrained = [variable.numpy() for variable in model.trainable_variables]
    found: list[tuple[float, list[np.ndarray]]] = []
    for start in (None, max(alone, key=lambda name: alone[name])):
        _assign(model, untrained)
        if start is not None:
            model.start_from(start)
        found.append(_fit_from_here(model, train, validation, config, seed))
    best, weights = max(found, key=lambda pair: pair[0])
    _assign(model, weights)
    return {**alone, "fusion": best}


def _fit_from_here(
    model: FusionModel, train: Lists, validation: Lists, config: FusionConfig, seed: int
) -> tuple[float, list[np.ndarray]]:
    """The best NDCG on the way, and the variables that had it."""
    optimizer = tf_keras.optimizers.Adam(config.learning_rate)
    variables = model.trainable_variables
    optimizer.build(variables)

    @graph_function(reduce_retracing=True)
    def step(features: tf.Tensor, valid: tf.Tensor, labels: tf.Tensor, evidence: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            logits = tf.where(valid, model(features, evidence), -1e9)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            penalty = config.regularization * tf.add_n([tf.reduce_sum(v**2) for v in variables])
            loss = tf.reduce_mean(losses) + penalty
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    rng = np.random.default_rng(seed)
    best, best_epoch = _ndcg(model, validation), -1
    weights = [v.numpy() for v in variables]
    for epoch in range(config.epochs):
        order = rng.permutation(len(train))
        for start in range(0, len(order), _BATCH):
            batch = train[order[start : start + _BATCH]]
            step(*(tf.constant(x) for x in (batch.features, batch.valid, batch.labels, batch.evidence)))
        value = _ndcg(model, validation)
        if value > best:
            best, best_epoch, weights = value, epoch, [v.numpy() for v in variables]
        if epoch - best_epoch >= config.patience:
            break
    return best, weights


def _assign(model: FusionModel, values: Sequence[np.ndarray]) -> None:
    for variable, value in zip(model.trainable_variables, values, strict=True):
        variable.assign(value)


def _ndcg(model: FusionModel, lists: Lists) -> float:
    parts = [
        model(tf.constant(lists.features[i : i + _BATCH]), tf.constant(lists.evidence[i : i + _BATCH]))
        for i in range(0, len(lists), _BATCH)
    ]
    return _ndcg_of(np.concatenate(parts), lists) if parts else 0.0


def _ndcg_of(scores: np.ndarray, lists: Lists) -> float:
    """NDCG@10 of lists ordered by scores, [E, K]; a tie is lost."""
    own = np.take_along_axis(scores, lists.labels[:, np.newaxis], axis=1)
    ranks = ((scores >= own) & lists.valid).sum(axis=1) - 1
    return float(np.where(ranks < 10, 1.0 / np.log2(ranks + 2.0), 0.0).mean())


def _best_of(figures: dict[str, float]) -> str:
    """The best source alone, in words."""
    name, value = max(((n, v) for n, v in figures.items() if n != "fusion"), key=lambda pair: pair[1])
    return f"the best source alone, {name}, {value:.4f}"
