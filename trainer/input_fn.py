"""Batches of transformed interactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft

from schemas.features import HISTORY_ITEM_IDS, ITEM_ID
from trainer.batch_shares import BatchShares
from trainer.item_lookup import ItemLookup

# Nothing is cached, so that memory does not grow with the data: reading a shard again takes a small share of
# the time that training on it takes.
_SHUFFLE_BUFFER = 200_000
_OPEN_FILES = 16
_CHUNK = 1024


@dataclass(frozen=True)
class Kept:
    """Which examples of a split are read.

    Attributes:
      mask: [E] bool, in the order of the files.
      counts: Examples of each file.
    """

    mask: np.ndarray
    counts: Mapping[str, int]

    def first(self, files: Sequence[str]) -> np.ndarray:
        """[F] int64 number of the first example of each of the files."""
        ends = np.cumsum([self.counts[file] for file in files])
        return np.append(0, ends[:-1]).astype(np.int64)


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset without the thread that tunes how much it does at a time.

    Where that is fixed, the thread has nothing to do, but sleeps for ever longer, and now and then the end of
    a pass waits until it wakes: after 15 seconds of reading, five more.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def interactions_dataset(
    files: Sequence[str],
    transform_output: tft.TFTransformOutput,
    item_lookup: ItemLookup,
    batch_size: int,
    shuffle_seed: int | None = None,
    select: Callable[[tf.data.Dataset], tf.data.Dataset] | None = None,
    kept: Kept | None = None,
    block: int = 1,
    shares: BatchShares | None = None,
    num_examples: int | None = None,
) -> tf.data.Dataset:
    """One pass over a split of the interactions.

    Args:
      files: Gzipped TFRecord files of transformed examples, in their order.
      transform_output: Of the interaction stream.
      item_lookup: Turns `item_id` and `history_item_ids` into int32 corpus rows.
      batch_size: Examples a batch.
      shuffle_seed: Shuffles, anew in each pass but the same in each run, and drops the last, smaller
        batch; by default the order of the files is kept, and every example.
      select: Chooses among the serialized examples, before they are shuffled; by default all are
        read.
      kept: Which examples are read at all, by their numbers; by default all.
      block: Neighbouring examples that are shuffled as one, so that a batch holds several of a user, who
        often did several things at a time.
      shares: What of each batch is read; by default all.
      num_examples: How many there are, for shares; by default they are read once more and counted.

    Returns:
      A dataset of dictionaries from transformed feature name to [B] or [B, length]; of shares, as many as
      it says that it has.
    """
    spec = transform_output.transformed_feature_spec()

    def parse(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = tf.io.parse_example(examples, spec)
        ids = {name: features[name] for name in (ITEM_ID, HISTORY_ITEM_IDS)}
        # The lookup of a loaded model takes any shape, and so promises none.
        rows = {name: tf.ensure_shape(item_lookup(values), values.shape) for name, values in ids.items()}
        return {**features, **rows}

    shards = _shards(files, kept)
    dataset = shards.flat_map(_read(kept)) if shuffle_seed is None else _mixed(shards, shuffle_seed, kept)
    if select is not None:
        dataset = select(dataset)
    if shuffle_seed is not None:
        dataset = _shuffled(dataset, shuffle_seed, block)
    dataset = dataset.batch(batch_size, drop_remainder=shuffle_seed is not None)
    if shares is not None:
        known = None if num_examples is None else num_examples // batch_size
        dataset = shares.of(dataset, _num_batches(dataset) if known is None else known)
    return untuned(dataset.map(parse, num_parallel_calls=2, deterministic=True).prefetch(2))


def _num_batches(batches: tf.data.Dataset) -> int:
    """How many there are."""
    return int(batches.reduce(tf.constant(0, tf.int64), lambda n, _: n + 1))


def _shuffled(dataset: tf.data.Dataset, seed: int, block: int) -> tf.data.Dataset:
    """Shuffled, the examples of a block kept together."""
    if block == 1:
        return dataset.shuffle(_SHUFFLE_BUFFER, seed=seed)
    return dataset.batch(block).shuffle(max(_SHUFFLE_BUFFER // block, 1), seed=seed).unbatch()


def _shards(files: Sequence[str], kept: Kept | None) -> tf.data.Dataset:
    """Each file and the number of its first example."""
    first = np.zeros(len(files), np.int64) if kept is None else kept.first(files)
    return tf.data.Dataset.from_tensor_slices((list(files), first))


def _read(kept: Kept | None) -> Callable[[tf.Tensor, tf.Tensor], tf.data.Dataset]:
    """From a file and the number of its first example to its serialized examples."""

    def records(file: tf.Tensor, first: tf.Tensor) -> tf.data.Dataset:
        examples = tf.data.TFRecordDataset(file, compression_type="GZIP")
        if kept is None:
            return examples
        mask = tf.constant(kept.mask)

        def choose(number: tf.Tensor, chunk: tf.Tensor) -> tf.Tensor:
            start = first + number * _CHUNK
            return tf.boolean_mask(chunk, mask[start : start + tf.size(chunk, tf.int64)])

        return examples.batch(_CHUNK).enumerate().map(choose).unbatch()

    return records


def _mixed(shards: tf.data.Dataset, seed: int, kept: Kept | None) -> tf.data.Dataset:
    """Serialized examples, of several files by turns.

    The shuffle buffer may hold but a few files. So each pass takes them in another order, several at a
    time.
    """
    order = shards.shuffle(shards.cardinality(), seed=seed)
    return order.interleave(
        _read(kept), cycle_length=_OPEN_FILES, block_length=16, num_parallel_calls=2, deterministic=True
    )
