"""Which part of each batch a machine reads."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class BatchShares:
    """The parts of a batch that the replicas on one machine take, neighbours together.

    Every machine makes the same batches from the same files and seed, and goes on with its own part of each:
    so the examples of a step are the same, however many replicas there are.

    Attributes:
      first: Number of the machine's first replica.
      count: Replicas on the machine.
      total: Replicas altogether.
    """

    first: int
    count: int
    total: int

    def of(self, batches: tf.data.Dataset, num_batches: int) -> tf.data.Dataset:
        """The parts, one an element, `count` for each batch; a small batch's may be empty.

        Args:
          batches: [B] each.
          num_batches: How many there are.
        """

        def parts(batch: tf.Tensor) -> tf.data.Dataset:
            size = tf.size(batch, tf.int64)

            def part(replica: tf.Tensor) -> tf.Tensor:
                return batch[size * replica // self.total : size * (replica + 1) // self.total]

            return tf.data.Dataset.range(self.first, self.first + self.count).map(part)

        num_parts = tf.data.experimental.assert_cardinality(num_batches * self.count)
        return batches.flat_map(parts).apply(num_parts)
