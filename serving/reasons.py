"""What a recommendation was because of."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from trainer.retrieval_module import directions

NO_REASON = -1


def nearest_in_history(embeddings: tf.Tensor, rows: tf.Tensor, history: tf.Tensor) -> tf.Tensor:
    """The item of the history that each recommended one is closest to, by the cosine of their directions.

    Args:
      embeddings: [N + 1, dim] of the corpus.
      rows: [B, k] int32 corpus rows.
      history: [B, S] int32 corpus rows; any number outside the corpus is padding.

    Returns:
      [B, k] int32 corpus rows; `NO_REASON` without a history. No item is a reason for itself.
    """
    num_items = tf.shape(embeddings)[0] - 1
    history = tf.pad(history, [[0, 0], [0, 1]], constant_values=NO_REASON)
    known = (history >= 0) & (history < num_items)
    of_history = directions(tf.gather(embeddings, tf.where(known, history, num_items)))
    cosines = tf.matmul(directions(tf.gather(embeddings, rows)), of_history, transpose_b=True)
    may_be = known[:, tf.newaxis] & (history[:, tf.newaxis] != rows[..., tf.newaxis])
    best = tf.argmax(tf.where(may_be, cosines, tf.float32.min), axis=2, output_type=tf.int32)
    nearest = tf.gather(history, best, batch_dims=1)
    return tf.where(tf.reduce_any(may_be, axis=2), nearest, NO_REASON)


def reasons(corpus: Any, rows: tf.Tensor, filled: tf.Tensor, history: tf.Tensor) -> dict[str, tf.Tensor]:
    """`because_item_ids` and `because_titles` of a list, [B, k]; "" without a reason.

    Args:
      corpus: That of the loaded retrieval module.
      rows: [B, k] int32 corpus rows.
      filled: [B, k] bool.
      history: See :func:`nearest_in_history`.
    """
    nearest = nearest_in_history(corpus.embeddings, rows, history)
    has_reason = filled & (nearest != NO_REASON)
    nearest = tf.maximum(nearest, 0)
    return {
        "because_item_ids": tf.where(has_reason, tf.gather(corpus.item_ids, nearest), ""),
        "because_titles": tf.where(has_reason, tf.gather(corpus.titles, nearest), ""),
    }
