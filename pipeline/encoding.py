"""What Transform makes of a single raw feature: the encodings that several features share."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from pipeline.config.data import FeaturesConfig
from schemas.features import bucket_name


def vocabulary_indices(x: Any, name: str, config: FeaturesConfig) -> Any:
    """Indices of strings, int64, of the shape of `x`; the empty string is never a member."""
    return tft.compute_and_apply_vocabulary(x, num_oov_buckets=config.oov_buckets, vocab_filename=name)


def indices_by(x: Any, words: tf.Tensor, name: str, config: FeaturesConfig) -> Any:
    """Indices of strings in the vocabulary of others: those of `words`, a feature of one value each."""
    vocabulary = tft.vocabulary(words, vocab_filename=name)
    return tft.apply_vocabulary(x, vocabulary, num_oov_buckets=config.oov_buckets)


def number(x: tf.SparseTensor, name: str, config: FeaturesConfig) -> dict[str, tf.Tensor]:
    """A number's z-score under its name (0 if absent), and its quantile bucket (the last if absent).

    What lies beyond all that training has seen counts as the nearest that it has.

    Args:
      x: [B, 1] numbers, those that are there.
      name: The feature's.
      config: Says how many buckets there are.

    Returns:
      float32 [B] and int64 [B].
    """
    buckets = tft.bucketize(x, config.number_buckets, name=f"{name}_buckets")
    lowest, highest = tft.min(x), tft.max(x)
    values = tf.clip_by_value(x.values, lowest, highest) - tft.mean(x)
    scores = tf.math.divide_no_nan(values, tf.sqrt(tft.var(x)))
    scores = tf.where(lowest <= highest, scores, 0.0)  # not, where training has seen none
    return {
        name: dense(tf.SparseTensor(x.indices, scores, x.dense_shape), 0.0),
        bucket_name(name): dense(buckets, config.number_buckets),
    }


def share(x: tf.SparseTensor, name: str, config: FeaturesConfig) -> dict[str, tf.Tensor]:
    """A number between 0 and 1 under its name (0 if absent), and its bucket, all equally wide.

    Nothing is analysed, so that Transform need not read what it was made from.

    Args:
      x: [B, 1] numbers, those that are there; others than between 0 and 1 count as the nearest.
      name: The feature's.
      config: Says how many buckets there are; one more, the last, means absent.

    Returns:
      float32 [B] and int64 [B].
    """
    shares = tf.clip_by_value(x.values, 0.0, 1.0)
    places = tf.cast(shares * config.number_buckets, tf.int64)
    places = tf.minimum(places, config.number_buckets - 1)
    return {
        name: dense(tf.SparseTensor(x.indices, shares, x.dense_shape), 0.0),
        bucket_name(name): dense(tf.SparseTensor(x.indices, places, x.dense_shape), config.number_buckets),
    }


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
