"""What users did since their profiles were made, behind what the profiles know."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from schemas.features import HISTORY_ITEM_IDS, HISTORY_TIMESTAMPS
from serving.request_controls import to_batch


def later_events(inputs: Mapping[str, tf.Tensor], moments: tf.Tensor) -> dict[str, tf.Tensor]:
    """Inputs of histories without the events that are not later than a moment.

    Args:
      inputs: As :meth:`serving.history_request.HistoryRequest.lists` takes them.
      moments: [B] int64 seconds.

    Returns:
      The inputs; what is left out became padding. An event without a time stays.
    """
    item_ids = to_batch(inputs[HISTORY_ITEM_IDS], tf.size(moments))
    times = to_batch(inputs[HISTORY_TIMESTAMPS], tf.size(moments))
    width = tf.shape(item_ids)[1]
    missing = tf.maximum(width - tf.shape(times)[1], 0)
    is_later = tf.pad(times > moments[:, tf.newaxis], [[0, 0], [0, missing]], constant_values=True)
    return {**inputs, HISTORY_ITEM_IDS: tf.where(is_later[:, :width], item_ids, "")}


def with_recent(
    histories: Mapping[str, tf.RaggedTensor], recent: Mapping[str, tf.RaggedTensor]
) -> dict[str, tf.RaggedTensor]:
    """Histories with newer events behind them.

    Args:
      histories: [B, (length)] each, items and what lies beside them, oldest first.
      recent: The same lists of the newer events. One that is shorter than its items says nothing of the
        oldest of them.

    Returns:
      The same lists of both. Where a newer event lacks a value, nothing is said of the older ones either:
      lists lie beside each other by their ends, and a hole would give events the values of others.
    """
    counts = recent[HISTORY_ITEM_IDS].row_lengths()

    def joined(known: tf.RaggedTensor, new: tf.RaggedTensor) -> tf.RaggedTensor:
        is_whole = tf.gather(new.row_lengths() >= counts, known.value_rowids())
        return tf.concat([tf.ragged.boolean_mask(known, known.with_values(is_whole)), new], axis=1)

    return {name: joined(known, recent[name]) for name, known in histories.items()}
