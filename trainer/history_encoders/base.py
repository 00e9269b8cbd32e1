"""What every history encoder takes and gives."""

from __future__ import annotations

import tensorflow as tf
import tf_keras


class HistoryEncoder(tf_keras.layers.Layer):
    """A causal encoder: the state after an event knows that event and those before it, nothing later.

    One pass over a history thus answers at each of its moments, and a training example teaches the
    next event at all of them.
    """

    def call(
        self, events: tf.Tensor, present: tf.Tensor, gaps: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Encodes a batch of histories.

        Args:
          events: [B, length, dim] embeddings, oldest first, padding last.
          present: [B, length] bool, false for padding.
          gaps: [B, length] float32, log(1 + seconds) to the event after each, or to the request; less
            than 0 if not known.
          training: Whether dropout is on.

        Returns:
          [B, length, dim]: the state after each event; at padding anything finite.
        """
        raise NotImplementedError
