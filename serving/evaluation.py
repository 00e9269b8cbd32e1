"""Judges a bundle as a client would, beside the baselines, on the test split.

Protocol "next interaction": for every test interaction a request is made at its moment, with
everything that the user did strictly before. The whole corpus is ranked, what the user had seen
left out; the interaction's item is the one relevant item. An interaction with an item that the
user had already seen is not a recommendation's to make, and is left out of the figures of lists.
So are exposures: they are nobody's wish, are not seen items, and do not make an item popular. The
ranking tasks are judged on all test interactions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
import tensorflow_transform as tft
from sklearn.metrics import roc_auc_score

from pipeline.config.collaborative import ItemKnnConfig
from pipeline.config.ranking import TaskConfig
from pipeline.errors import InputError
from schemas.features import ITEM_ID, VALUE
from serving.bundle_settings import BundleSettings
from serving.index_builder import REPORT_FILE
from serving.judged_interactions import JudgedInteractions
from serving.layout import RANKING, RECOMMENDER, RETRIEVAL
from serving.ranks import RECALL_AT, RankFigures, rank_figures, ranks_of_lists, ranks_of_scores
from trainer.collaborative.interaction_matrix import InteractionMatrix
from trainer.collaborative.item_neighbours import ItemNeighbours

_RECOMMENDER_QUERIES = 1000


def judged_queries(is_new: np.ndarray) -> np.ndarray:
    """Numbers of the queries by which recommendations are judged.

    Args:
      is_new: [Q] bool, whether the user engaged with the item, and had not before.

    Raises:
      InputError: There is none.
    """
    queries = np.flatnonzero(is_new)
    if len(queries) == 0:
        raise InputError(
            f"in the test split ({len(is_new):,} interactions) nobody did anything with an item that was new "
            "to them, so that there is nothing to judge recommendations by; use more data, or a larger test "
            "share in 'split'"
        )
    return queries


def evaluate_baselines(data: JudgedInteractions, queries: np.ndarray) -> dict[str, RankFigures]:
    """Popularity and item-kNN, made from the training split and fed the same histories.

    Args:
      data: The requests.
      queries: Numbers of the queries to ask.
    """
    popularity = np.asarray(data.train_matrix.sum(axis=0)).ravel().astype(float)
    # The plain algorithm, whatever sources a run has beside it.
    plain = ItemKnnConfig(similarity="cosine", shrinkage=0, neighbours=100)
    neighbours = ItemNeighbours(InteractionMatrix(data.train_matrix.astype(np.float32)), plain)
    scorers = {
        "popularity": lambda histories: np.broadcast_to(popularity, histories.shape),
        "item_knn": neighbours.scores_of_matrix,
    }
    figures = {}
    for name, scorer in scorers.items():
        ranks = []
        for block in data.blocks(queries):
            seen = data.seen(block)
            ranks.append(ranks_of_scores(scorer(seen.astype(float)), data.targets[block], seen.toarray()))
        figures[name] = rank_figures(np.concatenate(ranks))
    return figures


def evaluate_lists(
    data: JudgedInteractions, model: Any, queries: np.ndarray, drops_seen: bool
) -> RankFigures:
    """A model of the bundle, by its signature `top_k`.

    Args:
      data: The requests.
      model: Loaded SavedModel with the signature `top_k`.
      queries: Numbers of the queries to ask.
      drops_seen: Whether the model leaves out the history itself; otherwise enough is asked for to
        do it here.
    """
    top_k = model.signatures["top_k"]
    ranks = []
    for block in data.blocks(queries):
        seen = data.seen(block)
        k = RECALL_AT if drops_seen else RECALL_AT + int(seen.getnnz(axis=1).max())
        answers = top_k(examples=tf.constant(data.requests(block)), k=tf.constant(k))
        ids = pa.array(answers["item_ids"].numpy().ravel(), pa.binary()).cast(pa.string())
        rows = pc.index_in(ids, data.item_ids).fill_null(-1).to_numpy()
        lists = rows.reshape(len(block), -1)
        ranks.append(ranks_of_lists(lists, data.targets[block], seen.toarray()))
    return rank_figures(np.concatenate(ranks))


@dataclass(frozen=True)
class TaskFigure:
    """How well one ranking task is answered.

    Attributes:
      metric: `rmse` or `auc`.
      value: The figure.
      baseline: For the `rmse` of a value, that of the per-item mean of the training split.
    """

    metric: str
    value: float
    baseline: float | None = None


def evaluate_ranking(
    data: JudgedInteractions, model: Any, tasks: tuple[TaskConfig, ...], transform: tft.TFTransformOutput
) -> dict[str, TaskFigure]:
    """The ranking model on the test interactions, by its default signature.

    Args:
      data: The requests.
      model: Loaded SavedModel.
      tasks: The tasks.
      transform: Of the interaction stream; it makes the labels, as in training.
    """
    labels = _labels(data, transform)
    answers: dict[str, list[np.ndarray]] = {task.name: [] for task in tasks}
    serving_default = model.signatures["serving_default"]
    for block in data.blocks(np.arange(len(data))):
        scores = serving_default(examples=tf.constant(data.requests(block)))
        for task in tasks:
            answers[task.name].append(scores[task.name].numpy())
    figures = {}
    for task in tasks:
        counted = labels[task.weight_name] > 0
        label, answer = labels[task.label_name][counted], np.concatenate(answers[task.name])[counted]
        if task.is_regression:
            baseline = _item_mean_rmse(data) if task.is_value else None
            figures[task.name] = TaskFigure("rmse", _rmse(answer, label), baseline)
        elif len(np.unique(label)) == 2:
            figures[task.name] = TaskFigure("auc", float(roc_auc_score(label, answer)))
    return figures


def _labels(data: JudgedInteractions, transform: tft.TFTransformOutput) -> dict[str, np.ndarray]:
    """Labels and weights of all tasks."""
    layer = transform.transform_features_layer()
    spec = transform.raw_feature_spec()
    parts = [
        layer(tf.io.parse_example(data.requests(block), spec)) for block in data.blocks(np.arange(len(data)))
    ]
    names = [name for name in parts[0] if name.startswith(("label_", "weight_"))]
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in names}


def _rmse(answers: np.ndarray, labels: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(answers - labels))))


def _item_mean_rmse(data: JudgedInteractions) -> float:
    """The error of each item's mean in the training split; of the mean over all where it has none."""
    rows, values = data.rows_of(data.train[ITEM_ID]), data.train[VALUE].to_numpy()
    known = rows >= 0
    counts = np.bincount(rows[known], minlength=len(data.item_ids))
    sums = np.bincount(rows[known], weights=values[known], minlength=len(data.item_ids))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), values.mean())
    return _rmse(means[data.targets], data.table[VALUE].to_numpy())


def evaluate_bundle(
    bundle_dir: str,
    index_dir: str,
    examples_dir: str,
    transform_dir: str,
    settings: BundleSettings,
    seed: int,
) -> dict[str, Any]:
    """All figures of a bundle and the baselines.

    Args:
      bundle_dir: The exported bundle.
      index_dir: Artifact folder of its index, with what was measured of it.
      examples_dir: Artifact folder of the raw interactions.
      transform_dir: Transform graph of the interaction stream.
      settings: The bundle's.
      seed: Of the draw of the recommender's queries.

    Returns:
      `retrieval`: name to recall@20 and NDCG@10; `ranking`: task to metric, value and baseline;
      `index`: what :func:`serving.index_builder.build_and_measure` found; `queries`: how many.
    """
    import scann  # noqa: F401  (registers ScaNN's ops, in case the bundle holds some)

    models = {n: tf.saved_model.load(str(Path(bundle_dir, n))) for n in (RETRIEVAL, RANKING, RECOMMENDER)}
    data = JudgedInteractions(
        examples_dir, settings, models[RETRIEVAL].retrieval.corpus.item_ids.numpy(), seed
    )
    queries = judged_queries(data.is_new & data.is_engaged)
    sample = np.sort(np.random.default_rng(seed).permutation(queries)[:_RECOMMENDER_QUERIES])
    lists = evaluate_baselines(data, queries)
    lists[RETRIEVAL] = evaluate_lists(data, models[RETRIEVAL], queries, drops_seen=False)
    lists[RECOMMENDER] = evaluate_lists(data, models[RECOMMENDER], sample, drops_seen=True)
    tasks = evaluate_ranking(data, models[RANKING], settings.tasks, tft.TFTransformOutput(transform_dir))
    return {
        "queries": {RETRIEVAL: len(queries), RECOMMENDER: len(sample), RANKING: len(data)},
        "retrieval": {name: figures.to_dict() for name, figures in lists.items()},
        "ranking": {name: vars(figure) for name, figure in tasks.items()},
        "index": json.loads(Path(index_dir, REPORT_FILE).read_text(encoding="utf-8")),
    }
