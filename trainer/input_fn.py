"""Batches of transformed interactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_transform as tft

from schemas.features import HISTORY_ITEM_IDS, ITEM_ID
from trainer.item_lookup import ItemLookup

# Nothing is cached, so that memory does not grow with the data: reading a shard again takes a small share of
# the time that training on it takes.
_SHUFFLE_BUFFER = 200_000
_OPEN_FILES = 16


def interactions_dataset(
    files: Sequence[str],
    transform_output: tft.TFTransformOutput,
    item_lookup: ItemLookup,
    batch_size: int,
    shuffle_seed: int | None = None,
    select: Callable[[tf.data.Dataset], tf.data.Dataset] | None = None,
    block: int = 1,
) -> tf.data.Dataset:
    """One pass over a split of the interactions.

    Args:
      files: Gzipped TFRecord files of transformed examples.
      transform_output: Of the interaction stream.
      item_lookup: Turns `item_id` and `history_item_ids` into int32 corpus rows.
      batch_size: Examples a batch.
      shuffle_seed: Shuffles, anew in each pass but the same in each run, and drops the last, smaller
        batch; by default the order of the files is kept, and every example.
      select: Chooses among the serialized examples, before they are shuffled; by default all are
        read.
      block: Neighbouring examples that are shuffled as one, so that a batch holds several of a user, who
        often did several things at a time.

    Returns:
      A dataset of dictionaries from transformed feature name to [B] or [B, length].
    """
    spec = transform_output.transformed_feature_spec()

    def parse(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = tf.io.parse_example(examples, spec)
        ids = {name: features[name] for name in (ITEM_ID, HISTORY_ITEM_IDS)}
        # The lookup of a loaded model takes any shape, and so promises none.
        rows = {name: tf.ensure_shape(item_lookup(values), values.shape) for name, values in ids.items()}
        return {**features, **rows}

    dataset = _records(sorted(files)) if shuffle_seed is None else _mixed(sorted(files), shuffle_seed)
    if select is not None:
        dataset = select(dataset)
    if shuffle_seed is not None:
        dataset = _shuffled(dataset, shuffle_seed, block)
    dataset = dataset.batch(batch_size, drop_remainder=shuffle_seed is not None)
    return dataset.map(parse, num_parallel_calls=2, deterministic=True).prefetch(2)


def _shuffled(dataset: tf.data.Dataset, seed: int, block: int) -> tf.data.Dataset:
    """Shuffled, the examples of a block kept together."""
    if block == 1:
        return dataset.shuffle(_SHUFFLE_BUFFER, seed=seed)
    return dataset.batch(block).shuffle(max(_SHUFFLE_BUFFER // block, 1), seed=seed).unbatch()


def _records(files: Sequence[str] | tf.Tensor) -> tf.data.Dataset:
    """Serialized examples, one file after another."""
    return tf.data.TFRecordDataset(files, compression_type="GZIP")


def _mixed(files: Sequence[str], seed: int) -> tf.data.Dataset:
    """Serialized examples, of several files by turns.

    The shuffle buffer may hold but a few files. So each pass takes them in another order, several at a
    time.
    """
    order = tf.data.Dataset.from_tensor_slices(list(files)).shuffle(len(files), seed=seed)
    return order.interleave(
        _records, cycle_length=_OPEN_FILES, block_length=16, num_parallel_calls=2, deterministic=True
    )
