"""What a replica needs of the others inside a step; with a single one, nothing is done.

A step of several replicas is to be the step that one would make with the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf


def num_replicas() -> int:
    """Replicas that make a step together."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def _context() -> tf.distribute.ReplicaContext | None:
    """Of a replica that has others beside it."""
    return tf.distribute.get_replica_context() if num_replicas() > 1 else None


def sum_of_replicas(value: tf.Tensor) -> tf.Tensor:
    """The sum of what all replicas have; outside of a step, the value itself."""
    context = _context()
    return value if context is None else context.all_reduce(tf.distribute.ReduceOp.SUM, value)


def joined_replicas(values: tf.Tensor) -> tf.Tensor:
    """What all replicas have, one after another, [sum of all N]; outside of a step, the values themselves.

    Args:
      values: [N, ...]; N may differ by replica.
    """
    context = _context()
    return values if context is None else context.all_gather(values, axis=0)


def summed_by_row(
    gradients: Iterable[tf.Tensor | tf.IndexedSlices | None],
) -> list[tf.Tensor | tf.IndexedSlices | None]:
    """The same gradients, in which each row of a table comes once, where replicas are to send them.

    A row comes as often as a batch looks it up: an item of many histories, hundreds of times.
    """
    if _context() is None:
        return list(gradients)
    return [_summed(one) if isinstance(one, tf.IndexedSlices) else one for one in gradients]


def _summed(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    rows, places = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)
