"""Trains and saves the ranking model on top of a retrieval model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.config.training import TaskConfig
from pipeline.splits import EVAL, TRAIN
from schemas.features import ENGAGED, ITEM_ID
from trainer.checkpoints import Checkpoint
from trainer.corpus import CORPUS_SPLIT, load_corpus
from trainer.fitting import Fitting, Monitor, Phase, fit
from trainer.input_fn import interactions_dataset
from trainer.randomness import seed_everything
from trainer.ranking import CandidateTables, RankingModel
from trainer.ranking_module import RankingModule
from trainer.retrieval_module import query_inputs
from trainer.settings import RankingSettings
from trainer.sizes import model_sizes
from trainer.streams import TransformedStream

_EVAL_BATCH = 2048


@dataclass(frozen=True)
class _ValueStatistics:
    """Counts and values of the training split, a row an item and one for unknown items.

    Exposures are left out, except of `num_examples`.
    """

    counts: np.ndarray
    sums: np.ndarray
    std: float
    num_examples: int


def train_ranking(
    interactions: TransformedStream,
    items: TransformedStream,
    retrieval_dir: str,
    settings: RankingSettings,
    model_dir: str,
    log_dir: str,
    checkpoint: Checkpoint | None = None,
) -> dict[str, list[float]]:
    """Trains the multi-task model and saves it.

    Args:
      interactions: The interaction stream, splits `train` and `eval`.
      items: The item stream, split `corpus`.
      retrieval_dir: SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
      settings: Features, tasks and hyperparameters.
      model_dir: Where the SavedModel of a :class:`RankingModule` is written.
      log_dir: Where TensorBoard's logs are written.
      checkpoint: Where a training that is killed goes on from; removed at the end.

    Returns:
      Keras' history: metric to its value after each epoch.
    """
    seed_everything(settings.seed)
    config = settings.ranking
    retrieval = tf.saved_model.load(retrieval_dir)
    features = settings.feature_set
    corpus = load_corpus(
        items.files(CORPUS_SPLIT), items.transform_output, features, settings.features.number_buckets
    )

    def dataset(split: str, batch_size: int, seed: int | None = None) -> tf.data.Dataset:
        files = interactions.files(split)
        batches = interactions_dataset(
            files, interactions.transform_output, retrieval.corpus.lookup_items, batch_size, seed
        )
        return batches.map(lambda x: _with_query_embedding(retrieval, x), num_parallel_calls=2)

    statistics = _value_statistics(dataset(TRAIN, _EVAL_BATCH), config.tasks, corpus.num_items)
    tables = CandidateTables(
        embeddings=retrieval.corpus.embeddings.numpy(),
        text_embeddings=retrieval.text_embeddings.numpy(),
        attributes=corpus.features,
        counts=statistics.counts,
        value_sums=statistics.sums,
    )
    sizes = model_sizes(features, settings.features, interactions.transform_output, items.transform_output)
    model = RankingModel(config, sizes, tables, statistics.std)
    batch_size = min(config.batch_size, statistics.num_examples)  # no batch is a smaller one
    optimizer = tf_keras.optimizers.Adam(config.learning_rate)
    model.compile(optimizer=optimizer)
    fitting = Fitting(
        train=lambda seed: dataset(TRAIN, batch_size, seed),
        validation=dataset(EVAL, _EVAL_BATCH),
        phases=[Phase(config.epochs, (optimizer,), patience=config.patience)],
        monitor=Monitor("val_loss", highest=False),
        seed=settings.seed,
        log_dir=log_dir,
    )
    history = fit(model, fitting, checkpoint)
    tf.saved_model.save(RankingModule(model, config, retrieval), model_dir)
    if checkpoint is not None:
        checkpoint.remove()
    return history


def _with_query_embedding(retrieval: Any, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Adds the query tower's embedding to a batch."""
    inputs = query_inputs(retrieval.queries, features)
    return {**features, "query_embedding": retrieval.queries.encode_queries(inputs)}


def _value_statistics(
    train: tf.data.Dataset, tasks: tuple[TaskConfig, ...], num_items: int
) -> _ValueStatistics:
    """Reads the training split once."""
    value_label = next((task.label_name for task in tasks if task.is_regression), None)
    counts, sums, squares = np.zeros(num_items + 1), np.zeros(num_items + 1), 0.0
    num_examples = 0
    for batch in train.as_numpy_iterator():
        rows, engaged = batch[ITEM_ID], batch[ENGAGED]
        num_examples += len(rows)
        counts += np.bincount(rows, weights=engaged, minlength=len(counts))
        if value_label is not None:
            values = batch[value_label]
            sums += np.bincount(rows, weights=values * engaged, minlength=len(sums))
            squares += float((np.square(values) * engaged).sum())
    total = max(counts.sum(), 1.0)
    std = float(np.sqrt(max(squares / total - (sums.sum() / total) ** 2, 0.0)))
    return _ValueStatistics(counts, sums, std, num_examples)
