"""What Transform makes of a single raw feature: the encodings that several features share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from pipeline.config.data import FeaturesConfig


def vocabulary_indices(x: Any, name: str, config: FeaturesConfig) -> Any:
    """Indices of strings, int64, of the shape of `x`; the empty string is never a member."""
    return tft.compute_and_apply_vocabulary(x, num_oov_buckets=config.oov_buckets, vocab_filename=name)


def standardized(numbers: Mapping[str, tf.SparseTensor]) -> dict[str, tf.Tensor]:
    """The z-score of each number, 0 if it is absent.

    What lies beyond all that training has seen counts as the nearest that it has: a year after the
    last event of a log, everybody's last event is longer ago than any model was trained for.

    All are analysed together: an analyser of its own for each is most of what Transform would cost.

    Args:
      numbers: By name, [B, 1] each, those that are there.

    Returns:
      float32 [B] each.
    """
    if not numbers:
        return {}
    columns = tf.stack([dense(x, math.nan) for x in numbers.values()], axis=1)
    absent = tf.math.is_nan(columns)
    # NaN is left out of a mean, but not of a smallest or largest value.
    lowest = tft.min(tf.where(absent, columns.dtype.max, columns), reduce_instance_dims=False)
    highest = tft.max(tf.where(absent, columns.dtype.min, columns), reduce_instance_dims=False)
    mean = tft.mean(columns, reduce_instance_dims=False)
    deviation = tf.sqrt(tft.var(columns, reduce_instance_dims=False))
    scores = tf.math.divide_no_nan(tf.clip_by_value(columns, lowest, highest) - mean, deviation)
    # Also where training has seen none.
    scores = tf.where(absent | (lowest > highest), 0.0, scores)
    return dict(zip(numbers, tf.unstack(scores, num=len(numbers), axis=1), strict=True))


def quantile_bucket(x: tf.SparseTensor, name: str, config: FeaturesConfig) -> tf.Tensor:
    """int64 [B] quantile bucket of a number, [B, 1]; the last one if it is absent."""
    return dense(tft.bucketize(x, config.number_buckets, name=f"{name}_buckets"), config.number_buckets)


def even_bucket(x: tf.SparseTensor, highest: float, config: FeaturesConfig) -> tf.Tensor:
    """int64 [B] bucket of a number, [B, 1], between 0 and `highest`, all equally wide; the last if absent."""
    places = tf.cast(x.values / highest * config.number_buckets, tf.int64)
    places = tf.clip_by_value(places, 0, config.number_buckets - 1)
    return dense(tf.SparseTensor(x.indices, places, x.dense_shape), config.number_buckets)


def vector(x: tf.SparseTensor, dim: int) -> tf.Tensor:
    """A list of `dim` numbers as [B, dim]; zeros where it has another length, or is not there."""
    ragged = tf.RaggedTensor.from_sparse(x)
    whole = (ragged.row_lengths() == dim)[:, tf.newaxis]
    return tf.where(whole, first(x, dim, 0.0), 0.0)


def dense(x: Any, default: Any) -> tf.Tensor:
    """A feature of at most one value as [B]."""
    if not isinstance(x, tf.SparseTensor):
        return x
    shape = [x.dense_shape[0], 1]
    return tf.squeeze(tf.sparse.to_dense(tf.SparseTensor(x.indices, x.values, shape), default), axis=1)


def sparse(x: tf.Tensor, present: tf.Tensor) -> tf.SparseTensor:
    """Those of [B] values that are present, as [B, 1]."""
    rows = tf.where(present)[:, 0]
    indices = tf.stack([rows, tf.zeros_like(rows)], axis=1)
    return tf.SparseTensor(indices, tf.gather(x, rows), [tf.shape(x, tf.int64)[0], 1])


def first(x: tf.SparseTensor, length: int, default: Any) -> tf.Tensor:
    """The first values of a list feature as [B, length]."""
    return tf.RaggedTensor.from_sparse(x)[:, :length].to_tensor(default, shape=[None, length])
