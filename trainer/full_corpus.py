"""Scores of a whole corpus: what a user has seen of it, and where an item stands in it."""

from __future__ import annotations

import tensorflow as tf


def seen_items(history_rows: tf.Tensor, num_items: int) -> tf.Tensor:
    """Which items histories hold.

    Args:
      history_rows: [B, length] int32 corpus rows; -1 is padding, `num_items` an unknown item.
      num_items: Size of the corpus.

    Returns:
      [B, num_items] bool.
    """
    known = tf.where((history_rows >= 0) & (history_rows < num_items))
    places = tf.stack([known[:, 0], tf.cast(tf.gather_nd(history_rows, known), tf.int64)], axis=1)
    shape = tf.cast(tf.stack([tf.shape(history_rows)[0], num_items]), tf.int64)
    return tf.scatter_nd(places, tf.ones([tf.shape(places)[0]], tf.int32), shape) > 0


def ranks_of(targets: tf.Tensor, scores: tf.Tensor, is_seen: tf.Tensor) -> tf.Tensor:
    """Ranks of items among the whole corpus, 0 the best; what was seen is no rival.

    What is not lower counts as better, so that neither ties nor NaN make a broken model look perfect.

    Args:
      targets: [B] int32 corpus rows.
      scores: [B, N].
      is_seen: [B, N] bool.

    Returns:
      [B] int32; the largest one for an item outside the corpus. An item that was seen comes last.
    """
    num_items = scores.shape[1]
    in_corpus = targets < num_items
    rows = tf.where(in_corpus, targets, 0)
    own = tf.gather(tf.where(is_seen, tf.float32.min, scores), rows, batch_dims=1)
    is_own = tf.equal(tf.range(num_items)[tf.newaxis], rows[:, tf.newaxis])
    rivals = tf.logical_not(is_seen | is_own)
    better = rivals & tf.logical_not(scores < own[:, tf.newaxis])
    count = tf.reduce_sum(tf.cast(better, tf.int32), axis=1)
    return tf.where(in_corpus, count, tf.int32.max)
