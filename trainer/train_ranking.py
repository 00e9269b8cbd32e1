"""Trains and saves the ranking model on top of a retrieval model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.config.ranking import RankingConfig, TaskConfig
from pipeline.progress import PROGRESS_LOGGER
from pipeline.splits import EVAL, TRAIN
from schemas.features import ENGAGED, ITEM_ID
from trainer.calibration import PlattScaling, calibration_error, fit_platt
from trainer.carried_weights import ranking_weights
from trainer.checkpoints import Checkpoint
from trainer.corpus import Corpus, corpus_of
from trainer.distribution import Distribution
from trainer.fitting import Fitting, Monitor, Phase, fit
from trainer.graphs import graph_function
from trainer.input_fn import interactions_dataset
from trainer.randomness import seed_everything
from trainer.ranking import LabelScale, RankingModel
from trainer.ranking_module import RankingModule
from trainer.ranking_statistics import CandidateTables
from trainer.retrieval_module import directions, query_inputs
from trainer.settings import RankingSettings
from trainer.sizes import model_sizes
from trainer.streams import TransformedStream
from trainer.warm_start import EarlierModel, save_weights, starting_from

# What says which epoch is the best, and which of two models.
MONITOR = Monitor("val_loss", highest=False)

_EVAL_BATCH = 2048
# Neighbours of the log that are shuffled together where a task judges lists.
_LIST_BLOCK = 16


@dataclass(frozen=True)
class _ValueStatistics:
    """Counts and values of the training split, a row an item and one for unknown items.

    Exposures are left out, except of `num_examples`. `scales` are those of the regressions that are not of
    the value, over the examples that have a label.
    """

    counts: np.ndarray
    sums: np.ndarray
    std: float
    num_examples: int
    scales: dict[str, LabelScale]


def train_ranking(
    interactions: TransformedStream,
    items: TransformedStream,
    retrieval_dir: str,
    settings: RankingSettings,
    model_dir: str | None,
    log_dir: str,
    checkpoint: Checkpoint | None = None,
    earlier: EarlierModel | None = None,
    distribution: Distribution | None = None,
) -> dict[str, list[float]]:
    """Trains the multi-task model and saves it.

    Args:
      interactions: The interaction stream, splits `train` and `eval`.
      items: The item stream, split `corpus`.
      retrieval_dir: SavedModel of a :class:`trainer.retrieval_module.RetrievalModule`.
      settings: Features, tasks and hyperparameters.
      model_dir: Where the SavedModel of a :class:`RankingModule` is written; `None` if only the history is
        of interest, and then nothing is calibrated.
      log_dir: Where TensorBoard's logs are written.
      checkpoint: Where a training that is killed goes on from; removed at the end.
      earlier: The model that this one starts from; by default it starts anew.
      distribution: Over what the training is spread; by default one device.

    Returns:
      Keras' history: metric to its value after each epoch; and of each probability that is calibrated,
      `<task>_calibration_error`, the expected calibration error on the eval split before and after.
    """
    seed_everything(settings.seed)
    config = settings.ranking
    distribution = distribution or Distribution()
    retrieval = tf.saved_model.load(retrieval_dir)
    corpus = corpus_of(items, settings)
    dataset = _datasets(interactions, retrieval, config)
    statistics = _value_statistics(dataset(TRAIN, _EVAL_BATCH), config.tasks, corpus.num_items)
    num_examples = statistics.num_examples
    batch_size = distribution.batch_size(config.batch_size, num_examples)  # no batch is a smaller one
    with distribution.strategy.scope():
        model = _build_model(interactions, items, settings, retrieval, corpus, statistics)
        if distribution.is_spread:
            model.make_variables(next(iter(dataset(TRAIN, batch_size))))
        optimizer = tf_keras.optimizers.Adam(config.learning_rate)
        model.compile(optimizer=optimizer)
    shared = {"shares": distribution.shares, "num_examples": num_examples}
    fitting = Fitting(
        train=lambda seed: dataset(TRAIN, batch_size, seed, **shared),
        validation=dataset(EVAL, _EVAL_BATCH, shares=distribution.shares),
        phases=[Phase(config.epochs, (optimizer,), patience=config.patience)],
        monitor=MONITOR,
        seed=settings.seed,
        log_dir=distribution.output(log_dir),
        warm_start=starting_from(earlier, lambda: ranking_weights(model, settings), interactions, items),
        distribution=distribution,
    )
    history = fit(model, fitting, checkpoint)
    if model_dir is not None:
        validation = dataset(EVAL, _EVAL_BATCH)
        calibrations = _calibrate(model, config, validation, history) if config.calibrated else {}
        module = RankingModule(model, config, retrieval, calibrations)
        model_dir = distribution.output(model_dir)
        tf.saved_model.save(module, model_dir)
        save_weights(ranking_weights(model, settings), model_dir)
    if checkpoint is not None:
        checkpoint.remove()
    return history


def _datasets(
    interactions: TransformedStream, retrieval: Any, config: RankingConfig
) -> Callable[..., tf.data.Dataset]:
    """From a split, a batch size and the seed of a pass, if it is shuffled, to its batches or shares of them.

    The rest is for :func:`interactions_dataset`.
    """

    def dataset(split: str, batch_size: int, seed: int | None = None, **shared: Any) -> tf.data.Dataset:
        batches = interactions_dataset(
            interactions.files(split),
            interactions.transform_output,
            retrieval.corpus.lookup_items,
            batch_size,
            seed,
            block=_LIST_BLOCK if config.has_lists else 1,
            **shared,
        )
        return batches.map(lambda x: _with_query_embedding(retrieval, x), num_parallel_calls=2)

    return dataset


def _build_model(
    interactions: TransformedStream,
    items: TransformedStream,
    settings: RankingSettings,
    retrieval: Any,
    corpus: Corpus,
    statistics: _ValueStatistics,
) -> RankingModel:
    """The model before it has learnt anything but the training split's counts and values."""
    tables = CandidateTables(
        embeddings=directions(retrieval.corpus.embeddings).numpy(),
        text_embeddings=retrieval.text_embeddings.numpy(),
        attributes=corpus.features,
        counts=statistics.counts,
        value_sums=statistics.sums,
    )
    transforms = interactions.transform_output, items.transform_output
    sizes = model_sizes(settings.feature_set, settings.features, *transforms)
    return RankingModel(
        settings.ranking, sizes, tables, statistics.std, statistics.scales, statistics.num_examples
    )


def _calibrate(
    model: RankingModel, config: RankingConfig, validation: tf.data.Dataset, history: dict[str, list[float]]
) -> dict[str, PlattScaling]:
    """Fits the scaling of each probability on the eval split, and says in `history` what it repairs."""

    @graph_function
    def scores(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return model.score(batch, batch["query_embedding"], batch[ITEM_ID][:, tf.newaxis])

    tasks = [task for task in config.tasks if not task.is_regression]
    columns: dict[str, list[np.ndarray]] = {}
    for batch in validation if tasks else ():
        answers = scores(batch)
        for task in tasks:
            columns.setdefault(task.name, []).append(
                np.stack([answers[task.name][:, 0], batch[task.label_name], batch[task.weight_name]])
            )
    calibrations = {}
    for name, parts in columns.items():
        logits, labels, weights = np.concatenate(parts, axis=1)
        fitted = fit_platt(logits, labels, weights)
        errors = [
            calibration_error(x, labels, weights) for x in (logits, fitted.slope * logits + fitted.intercept)
        ]
        calibrations[name], history[f"{name}_calibration_error"] = fitted, errors
        logging.getLogger(PROGRESS_LOGGER).info("calibration error of %s: %.4f, then %.4f", name, *errors)
    return calibrations


def _with_query_embedding(retrieval: Any, features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Adds the direction of the query tower's embedding to a batch."""
    inputs = query_inputs(retrieval.queries, features)
    return {**features, "query_embedding": directions(retrieval.queries.encode_queries(inputs))}


def _value_statistics(
    train: tf.data.Dataset, tasks: tuple[TaskConfig, ...], num_items: int
) -> _ValueStatistics:
    """Reads the training split once."""
    value_label = next((task.label_name for task in tasks if task.is_value), None)
    others = [task for task in tasks if task.is_regression and not task.is_value]
    counts, sums, squares = np.zeros(num_items + 1), np.zeros(num_items + 1), 0.0
    moments = {task.name: np.zeros(3) for task in others}
    num_examples = 0
    for batch in train.as_numpy_iterator():
        rows, engaged = batch[ITEM_ID], batch[ENGAGED]
        num_examples += len(rows)
        counts += np.bincount(rows, weights=engaged, minlength=len(counts))
        if value_label is not None:
            values = batch[value_label]
            sums += np.bincount(rows, weights=values * engaged, minlength=len(sums))
            squares += float((np.square(values) * engaged).sum())
        for task in others:
            moments[task.name] += _moments(batch, task)
    total = max(counts.sum(), 1.0)
    std = _deviation(total, sums.sum(), squares)
    scales = {
        name: LabelScale(s / max(n, 1.0), _deviation(n, s, q) or 1.0) for name, (n, s, q) in moments.items()
    }
    return _ValueStatistics(counts, sums, std, num_examples, scales)


def _moments(batch: Mapping[str, np.ndarray], task: TaskConfig) -> np.ndarray:
    """Number, sum and sum of squares of the labels that are known."""
    labels, weights = (batch[name].astype(np.float64) for name in (task.label_name, task.weight_name))
    return np.array([weights.sum(), weights @ labels, weights @ np.square(labels)])


def _deviation(count: float, total: float, squares: float) -> float:
    """Standard deviation; rounding must not take the root of less than nothing."""
    count = max(count, 1.0)
    return float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0)))
