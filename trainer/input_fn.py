"""Batches of transformed interactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
import tensorflow_transform as tft

from schemas.features import HISTORY_ITEM_IDS, ITEM_ID
from trainer.item_lookup import ItemLookup

_SHUFFLE_BUFFER = 200_000


def interactions_dataset(
    files: Sequence[str],
    transform_output: tft.TFTransformOutput,
    item_lookup: ItemLookup,
    batch_size: int,
    shuffle_seed: int | None = None,
    select: Callable[[tf.data.Dataset], tf.data.Dataset] | None = None,
) -> tf.data.Dataset:
    """One pass over a split of the interactions.

    Args:
      files: Gzipped TFRecord files of transformed examples.
      transform_output: Of the interaction stream.
      item_lookup: Turns `item_id` and `history_item_ids` into int32 corpus rows.
      batch_size: Examples a batch.
      shuffle_seed: Shuffles, anew in each pass, and drops the last, smaller batch; by default
        the order of the files is kept, and every example.
      select: Chooses among the serialized examples, before they are shuffled; by default all are
        read.

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

    dataset = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP")
    if select is not None:
        dataset = select(dataset)
    if shuffle_seed is not None:
        # Serialized examples are small, so whole spans fit the buffer.
        dataset = dataset.cache().shuffle(_SHUFFLE_BUFFER, seed=shuffle_seed)
    dataset = dataset.batch(batch_size, drop_remainder=shuffle_seed is not None)
    return dataset.map(parse, num_parallel_calls=2, deterministic=True).prefetch(2)
