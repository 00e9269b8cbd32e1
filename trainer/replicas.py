"""What a replica needs of the others inside a step; with a single one, nothing is done.

A step of several replicas is to be the step that one would make with the whole batch.
"""

from __future__ import annotations

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
