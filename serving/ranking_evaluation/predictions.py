"""What ranking models answer to the judged interactions, beside what came true, as examples for TFMA."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft

from pipeline.components.parquet_example_gen import encode_examples
from pipeline.components.shards import shard_name, split_folder
from pipeline.config.ranking import TaskConfig
from pipeline.progress import PROGRESS_LOGGER
from pipeline.splits import TEST
from schemas.features import ITEM_ID, USER_ID, VALUE
from serving.evaluation_record import ALL, OVERALL
from serving.judged_interactions import JudgedInteractions
from serving.layout import EXACT, RANKING, model_dir
from serving.ranking_evaluation.columns import (
    ROW,
    USER_ROW,
    item_mean_name,
    prediction_name,
    previous_name,
    slice_name,
)

_BLOCK = 1000

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class RankingPredictions:
    """Answers to the judged interactions; all arrays are [Q], in the same order.

    Attributes:
      users: int64 rows that stand for users, not their ids.
      labels: Task to float32 labels.
      weights: Task to float32 weights of the labels; 0 where there is none.
      answers: Task to the judged model's float32 answers.
      previous: Task to those of the last pushed model; the judged one's where there is none, so that
        nothing has changed.
      item_means: Task of values to each item's mean in the training split.
      slices: Slice feature to the value of each interaction, text or UTF-8; of no slice where it is empty.
    """

    users: np.ndarray
    labels: Columns
    weights: Columns
    answers: Columns
    previous: Columns
    item_means: Columns = field(default_factory=dict)
    slices: Columns = field(default_factory=dict)

    def write(self, examples_dir: str) -> None:
        """Writes them as one gzipped TFRecord file of `tf.Example`s, of the split `test`.

        An example holds up to 1000 interactions of one slice, a list a column, and so an interaction stands
        in one example of everything and in one of each slice feature: TFMA takes near 0.1 ms for an example,
        a metric and a slice, and 20,000 interactions would keep it busy for minutes.

        Args:
          examples_dir: Folder of an Examples artifact.
        """
        folder = Path(split_folder(examples_dir, TEST))
        folder.mkdir(parents=True, exist_ok=True)
        options = tf.io.TFRecordOptions("GZIP", compression_level=1)
        with tf.io.TFRecordWriter(str(folder / shard_name(0, 1)), options) as writer:
            for example in encode_examples(self._table()):
                writer.write(example)

    def _table(self) -> pa.Table:
        """A row a block of interactions."""
        blocks = list(self._blocks())
        order = np.concatenate([rows for _, _, rows in blocks])
        offsets = pa.array(np.cumsum([0, *(len(rows) for _, _, rows in blocks)]), pa.int32())

        def lists(values: np.ndarray, kind: pa.DataType) -> pa.Array:
            return pa.ListArray.from_arrays(offsets, pa.array(np.asarray(values)[order], kind))

        columns = {
            ROW: lists(np.arange(len(self.users)), pa.int64()),
            USER_ROW: lists(self.users, pa.int64()),
        }
        for name, values in self._numbers().items():
            columns[name] = lists(values, pa.float32())
        for feature in (OVERALL, *self.slices):
            texts = [text if of == feature else None for of, text, _ in blocks]
            columns[slice_name(feature)] = pa.array(texts, pa.binary())
        return pa.table(columns)

    def _numbers(self) -> Columns:
        """All that is float32, by the names of the columns."""
        columns: Columns = {}
        for task, labels in self.labels.items():
            columns |= {f"label_{task}": labels, f"weight_{task}": self.weights[task]}
            columns |= {prediction_name(task): self.answers[task], previous_name(task): self.previous[task]}
        return columns | {item_mean_name(task): means for task, means in self.item_means.items()}

    def _blocks(self) -> Iterator[tuple[str, bytes, np.ndarray]]:
        """Slice feature, slice value and rows of each example."""
        everything = np.full(len(self.users), ALL, object)
        for feature, values in {OVERALL: everything, **self.slices}.items():
            texts = pa.array(np.asarray(values).astype(object)).cast(pa.binary()).dictionary_encode()
            numbers = texts.indices.to_numpy()
            for number, text in enumerate(texts.dictionary.to_pylist()):
                rows = np.flatnonzero(numbers == number) if text else numbers[:0]
                for start in range(0, len(rows), _BLOCK):
                    yield feature, text, rows[start : start + _BLOCK]


def read_predictions(
    examples_dir: str, tasks: tuple[TaskConfig, ...], slice_features: Collection[str] = ()
) -> RankingPredictions:
    """What :meth:`RankingPredictions.write` wrote.

    Args:
      examples_dir: Folder of the Examples artifact.
      tasks: The tasks.
      slice_features: Those that are wanted.
    """
    means = [task.name for task in tasks if task.is_value]
    numbers = [item_mean_name(name) for name in means]
    for task in tasks:
        numbers += [task.label_name, task.weight_name, prediction_name(task.name), previous_name(task.name)]
    features = {slice_name(name): name for name in (OVERALL, *slice_features)}
    spec: dict[str, Any] = {name: tf.io.RaggedFeature(tf.int64) for name in (ROW, USER_ROW)}
    spec |= {name: tf.io.RaggedFeature(tf.float32) for name in numbers}
    spec |= {name: tf.io.FixedLenFeature([], tf.string, "") for name in features}
    file = str(Path(split_folder(examples_dir, TEST), shard_name(0, 1)))
    records = list(tf.data.TFRecordDataset(file, "GZIP").as_numpy_iterator())
    read = tf.io.parse_example(records, spec)
    slices = {name: _by_row(read[ROW], read[column].numpy()) for column, name in features.items()}
    everything = read[slice_name(OVERALL)] != b""

    def column(name: str) -> np.ndarray:
        return tf.ragged.boolean_mask(read[name], everything).flat_values.numpy()

    return RankingPredictions(
        users=column(USER_ROW),
        labels={task.name: column(task.label_name) for task in tasks},
        weights={task.name: column(task.weight_name) for task in tasks},
        answers={task.name: column(prediction_name(task.name)) for task in tasks},
        previous={task.name: column(previous_name(task.name)) for task in tasks},
        item_means={name: column(item_mean_name(name)) for name in means},
        slices={name: slices[name] for name in slice_features},
    )


def _by_row(rows: tf.RaggedTensor, values: np.ndarray) -> np.ndarray:
    """[Q] the value of a slice feature, from that of each block; empty where there is none."""
    found = np.full(int(tf.reduce_max(rows.flat_values)) + 1, b"", object)
    of_each = np.repeat(values, rows.row_lengths().numpy())
    found[rows.flat_values.numpy()[of_each != b""]] = of_each[of_each != b""]
    return found


def predict_ranking(
    data: JudgedInteractions,
    bundle_dir: str,
    previous_dir: str | None,
    tasks: tuple[TaskConfig, ...],
    transform: tft.TFTransformOutput,
    slices: Mapping[str, np.ndarray],
) -> RankingPredictions:
    """Asks the ranking models, by their default signature, for an answer to each judged interaction.

    Args:
      data: The requests.
      bundle_dir: The judged bundle.
      previous_dir: The last pushed one, a folder of a version; `None` if there is none.
      tasks: The tasks.
      transform: Of the interaction stream; it makes the labels, as in training.
      slices: Slice feature to [Q] strings; see :class:`RankingPredictions`.
    """
    made = _labels(data, transform)
    answers = _answers(data, bundle_dir, tasks)
    previous = {} if previous_dir is None else _answers_of_previous(data, previous_dir, tasks)
    return RankingPredictions(
        users=data.table[USER_ID].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64),
        labels={task.name: made[task.label_name] for task in tasks},
        weights={task.name: made[task.weight_name] for task in tasks},
        answers=answers,
        previous={**answers, **previous},
        item_means={task.name: _item_means(data) for task in tasks if task.is_value},
        slices=dict(slices),
    )


def _answers(data: JudgedInteractions, bundle_dir: str, tasks: tuple[TaskConfig, ...]) -> Columns:
    """Of the tasks that the model of a bundle has; float32 [Q] each."""
    model = tf.saved_model.load(str(model_dir(Path(bundle_dir), EXACT, RANKING)))
    ask = model.signatures["serving_default"]
    blocks = [ask(examples=tf.constant(data.requests(block))) for block in data.blocks(np.arange(len(data)))]
    names = [task.name for task in tasks if task.name in blocks[0]]
    return {name: np.concatenate([block[name].numpy() for block in blocks]) for name in names}


def _answers_of_previous(data: JudgedInteractions, folder: str, tasks: tuple[TaskConfig, ...]) -> Columns:
    """Of the last pushed model, as far as it fits the requests."""
    logger = logging.getLogger(PROGRESS_LOGGER)
    try:
        answers = _answers(data, folder, tasks)
    except (OSError, KeyError, TypeError, ValueError, tf.errors.OpError) as error:
        logger.warning("the last version's ranking model cannot be asked, and is left out: %s", error)
        return {}
    missing = [task.name for task in tasks if task.name not in answers]
    if missing:
        logger.warning("the last version's ranking model has no task %s", ", ".join(missing))
    return answers


def _labels(data: JudgedInteractions, transform: tft.TFTransformOutput) -> Columns:
    """Labels and weights of all tasks, by their names among the transformed features."""
    layer = transform.transform_features_layer()
    spec = transform.raw_feature_spec()
    parts = [
        layer(tf.io.parse_example(data.requests(block), spec)) for block in data.blocks(np.arange(len(data)))
    ]
    names = [name for name in parts[0] if name.startswith(("label_", "weight_"))]
    return {name: np.concatenate([part[name].numpy() for part in parts]) for name in names}


def _item_means(data: JudgedInteractions) -> np.ndarray:
    """Each item's mean in the training split, the mean over all where it has none; float32 [Q]."""
    rows, values = data.rows_of(data.train[ITEM_ID]), data.train[VALUE].to_numpy()
    known = rows >= 0
    counts = np.bincount(rows[known], minlength=len(data.item_ids))
    sums = np.bincount(rows[known], weights=values[known], minlength=len(data.item_ids))
    means = np.where(counts > 0, sums / np.maximum(counts, 1), values.mean())
    return means[data.targets].astype(np.float32)
